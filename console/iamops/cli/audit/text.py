"""The ledger's records as lines for a person. Pure."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from iamops.cli.audit.command import document, lines_of
from iamops.cli.options import ledger_file
from iamops.cli.output import print_lines
from iamops.judge.run import ending_of, stage_word
from iamops.ledger.anchors import Compared, Misfit, OtherLedger, Unfit, chain_of, compare, places_of, proven
from iamops.ledger.record import Record, fields, figure, listed, number, text
from iamops.ledger.verify import ChainVerdict, LedgerRun, runs_of, verify
from iamops.model.exit_code import ExitCode
from iamops.model.outage import not_measured
from iamops.model.safe_text import safe
from iamops.model.timestamps import rfc3339
from iamops.nodes.history import JournalRead
from iamops.report.text import exact_json
from iamops.session.profiles import load_profile
from iamops.session.triage.timeline import journals

NO_OUTCOME = "no outcome recorded: the console was ended; look at the cluster"


def tail_lines(records: Sequence[Record], count: int) -> list[str]:
    """The latest runs, one line each, oldest first: all records of a run are one line."""
    shown = runs_of(records)[-count:] if count > 0 else ()
    return [_line(run) for run in sorted(shown, key=lambda run: run.last.n)]


def run_lines(records: Sequence[Record]) -> list[str]:
    """Everything about one run."""
    lines: list[str] = []
    for record in records:
        lines += [safe(f"{record.kind} (record {record.n}, {record.at})"), *_fields(record)]
    ended = [run.outcome for run in runs_of(records)]
    if ended == [""]:
        lines.append(NO_OUTCOME)
    elif len(ended) == 1:
        lines.append(f"ended: {safe(ended[0])}")
    return lines


def _line(run: LedgerRun) -> str:
    if run.breaks:
        why = safe(str(run.value("reason") or "no reason"))
        return (
            f"{safe(run.last.at)} THE CHAIN IS BROKEN before record {run.last.n}: {why}; see `iamops audit verify`"
        )
    told = {key: safe(str(run.value(key) or "")) for key in ("profile", "who", "from", "action", "reason")}
    ended, sentence = safe(run.outcome) or NO_OUTCOME, safe(run.sentence)
    reason = f' "{told["reason"]}"' if told["reason"] else ""
    head = safe(f"{run.last.at} {told['profile']} {run.run}")
    end = f": {sentence}" if sentence else ""
    return f"{head} {told['who']} from {told['from']}: {told['action']}{reason} -> {ended}{end}"


def _fields(record: Record) -> Iterator[str]:
    for key in ("action", "command", "who", "from", "reason", "outcome", "sentence", "restored_by"):
        value = safe(ending_of(record.raw) if key == "outcome" else text(record.raw.get(key)))
        if value:
            yield f"  {key}: {value}"
    overrides = listed(record.raw.get("overrides"))
    if overrides:
        yield f"  overrides: {safe(', '.join(map(str, overrides)))}"
    for step in listed(record.raw.get("steps")):
        yield f"  {safe(_step(step))}"
    for step in listed(record.raw.get("undone")):
        yield f"  undo {safe(_undo(step))}"
    yield from (f"  client: {safe(each)}" for each in _client(record.raw.get("client")))


def _step(step: object) -> str:
    """A step as it was left: a run that is over leaves none waiting."""
    found = fields(step)
    if not found:
        return text(step)
    took = figure(found.get("took_s"), ".1f", "s")
    return f"{stage_word(text(found.get('stage')))}{f' ({took})' if took else ''} {text(found.get('title'))}"


def _undo(step: object) -> str:
    found = fields(step)
    return f"{text(found.get('stage'))}: {text(found.get('title'))}" if found else text(step)


def _client(client: object) -> Iterator[str]:
    found = fields(client)
    if not found:
        yield from map(text, listed(client))
    gap = figure(found.get("longest_gap_ms"), ".0f", "ms")
    if gap:
        yield f"longest gap {gap}"
    blind_ms = found.get("not_measured_ms")
    if blind_ms:
        unseen_ms = number(blind_ms)
        yield f"not measured: {text(blind_ms)}" if unseen_ms is None else not_measured(unseen_ms)


# `iamops audit verify --nodes`: the ledger beside what the nodes' journals remember of it.

# Of each kind: a ledger that was cut may be missed by thousands of lines.
SHOWN = 3


def verify_with_nodes(path: Path, args: argparse.Namespace) -> int:
    """1 for a ledger that is broken or not what a node remembers; else 4 when no journal could be read."""
    for each in args.earlier:
        ledger_file(each)
    places = places_of(path)
    said = asyncio.run(journals(load_profile(args.profile), chain_of(path).ledger, places))
    # After the journals: what is written meanwhile is in the ledger before it is in them.
    verdict, own, earlier = verify(path), chain_of(path), [chain_of(each) for each in args.earlier]
    compared = {
        node: compare(each.lines, own, places, intact=verdict.records, earlier=earlier)
        for node, each in said.items()
        if not each.unreadable
    }
    if args.json:
        nodes = {node: _node(each, compared.get(node)) for node, each in said.items()}
        print(exact_json({**document(verdict), "ledger": own.ledger, "nodes": nodes}))
    else:
        print_lines([*lines_of(path, verdict), *_text(said, compared, verdict)])
    return _code(verdict, compared)


def _code(verdict: ChainVerdict, compared: Mapping[str, Compared]) -> ExitCode:
    if verdict.broken is not None or any(each.unfit for each in compared.values()):
        return ExitCode.CHECK_FAILED
    return ExitCode.OK if compared else ExitCode.UNREACHABLE


# --- the document ---


def _node(said: JournalRead, compared: Compared | None) -> dict[str, Any]:
    if compared is None:
        return {"read": False, "reason": said.unreadable}
    last = compared.proven
    return {
        "read": True,
        "notes": list(said.notes),
        "lines": compared.lines,
        "matched": compared.matched,
        "proven": None if last is None else {"n": last.anchor.n, "at": rfc3339(last.at, "seconds")},
        "unfit": [_unfit(each) for each in compared.unfit],
        "others": [_other(each) for each in compared.others],
    }


def _unfit(found: Unfit) -> dict[str, Any]:
    line = found.line
    return {
        "kind": str(found.kind),
        "n": line.anchor.n,
        "at": rfc3339(line.at, "seconds"),
        "run": line.run,
        "ledger": line.anchor.ledger,
        "by": line.by or None,
        "uid": line.uid,
        "reason": found.reason,
    }


def _other(found: OtherLedger) -> dict[str, Any]:
    return {
        "ledger": found.ledger,
        "lines": found.lines,
        "by": list(found.by),
        "first": rfc3339(found.first_at, "seconds"),
        "last": rfc3339(found.last_at, "seconds"),
    }


# --- the text ---


def _text(
    said: Mapping[str, JournalRead], compared: Mapping[str, Compared], verdict: ChainVerdict
) -> Iterator[str]:
    for node, each in said.items():
        if node not in compared:
            yield f"{node}: its journal was not read: {each.unreadable}"
            continue
        yield from (f"{node}: {line}" for line in _of(compared[node]))
        yield from (f"{node}: note: {note}" for note in each.notes)
    if not compared:
        yield "nothing was compared with the nodes"
        return
    if any(found.kind is Misfit.REPLACED for each in compared.values() for found in each.unfit):
        yield "if you moved that ledger away yourself, name it: --earlier PATH"
    matched, last = sum(each.matched for each in compared.values()), proven(compared)
    if last:
        yield f"up to record {last} the ledger is what the nodes remember ({_lines(matched)})"
        if verdict.records > last:
            yield f"records after {last} are vouched for by this machine alone"
    elif not any(each.unfit for each in compared.values()):
        yield "no line of this ledger is in what was read: nothing was compared with the nodes"


def _of(found: Compared) -> Iterator[str]:
    if found.matched:
        yield f"{_lines(found.matched)} of this ledger, and each record is as it was"
    elif not found.unfit:
        yield "no line of this ledger"
    for kind in Misfit:
        of_kind = [each for each in found.unfit if each.kind is kind]
        for each in of_kind[-SHOWN:]:
            who = "" if each.line.uid is None else f", written by uid {each.line.uid}"
            yield f"{rfc3339(each.line.at, 'seconds')}: {each.reason} (run {each.line.run}{who})"
        if len(of_kind) > SHOWN:
            yield f"and {len(of_kind) - SHOWN} more of that kind"
    for other in found.others:
        by = f" by {', '.join(other.by)}" if other.by else ""
        span = f"{rfc3339(other.first_at, 'seconds')} to {rfc3339(other.last_at, 'seconds')}"
        yield f"{_lines(other.lines)} of ledger {other.ledger}{by}, {span}: another ledger, not compared"


def _lines(count: int) -> str:
    return f"{count} line" if count == 1 else f"{count} lines"
