"""`iamops audit verify --nodes`: the ledger beside what the nodes' journals remember of it."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from console.cli.audit import document, lines_of
from console.cli.coloured import print_lines
from console.cli.ledger_file import ledger_file
from console.judge.anchored import Compared, Misfit, OtherLedger, Unfit, compare, proven
from console.judge.json_text import exact_json
from console.ledger.chain import chain_of, places_of
from console.ledger.verify import Verdict, verify
from console.model.exit_code import ExitCode
from console.model.timestamps import rfc3339
from console.nodes.anchor_lines import JournalSaid
from console.session.anchors import journals
from console.session.profiles import load_profile

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
        if not each.unread
    }
    if args.json:
        nodes = {node: _node(each, compared.get(node)) for node, each in said.items()}
        print(exact_json({**document(verdict), "ledger": own.ledger, "nodes": nodes}))
    else:
        print_lines([*lines_of(path, verdict), *_text(said, compared, verdict)])
    return _code(verdict, compared)


def _code(verdict: Verdict, compared: Mapping[str, Compared]) -> ExitCode:
    if verdict.broken is not None or any(each.unfit for each in compared.values()):
        return ExitCode.NOT_SO
    return ExitCode.OK if compared else ExitCode.UNREACHABLE


# --- the document ---


def _node(said: JournalSaid, compared: Compared | None) -> dict[str, Any]:
    if compared is None:
        return {"read": False, "reason": said.unread}
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


def _text(said: Mapping[str, JournalSaid], compared: Mapping[str, Compared], verdict: Verdict) -> Iterator[str]:
    for node, each in said.items():
        if node not in compared:
            yield f"{node}: its journal was not read: {each.unread}"
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
