"""The ledger of this machine for a person and a script: its latest runs, one run, and whether its chain holds."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from iamops.cli.output import CliError, print_lines
from iamops.judge.run import ending_of, stage_word
from iamops.ledger.audit import read
from iamops.ledger.record import Record, fields, figure, finite_number, listed, plain, text
from iamops.ledger.verify import ChainVerdict, LedgerRun, runs_of, verify
from iamops.model.exit_code import ExitCode
from iamops.model.outage import not_measured
from iamops.model.text import counted, safe
from iamops.report.run import audit_verify_document
from iamops.report.text import Json, exact_json

NO_OUTCOME = "no outcome recorded: the console was ended; look at the cluster"


def tail(path: Path, args: argparse.Namespace) -> int:
    records = list(read(path))
    if args.json:
        lines = [exact_json(plain(record.raw)) for record in records[-args.n :]]
    else:
        lines = tail_lines(records, args.n)
    if lines:
        print_lines(lines)
    elif path.exists() and path.stat().st_size:
        how = f"`iamops audit verify{_file_option(args)}` says what is wrong"
        print(f"no line of {path} is a record; {how}", file=sys.stderr)
    else:
        print("no records yet", file=sys.stderr)
    return ExitCode.OK


def show(path: Path, args: argparse.Namespace) -> int:
    records = [record for record in read(path) if record.run == args.run]
    if not records:
        raise CliError(f"no run {args.run!r} in {path}")
    if args.json:
        print_lines(exact_json(plain(record.raw)) for record in records)
    else:
        print_lines(run_lines(records))
    return ExitCode.OK


def verify_alone(path: Path, args: argparse.Namespace) -> int:
    verdict = verify(path)
    if args.json:
        print(exact_json(verify_document(verdict)))
    else:
        ask = f"what do the nodes remember? iamops audit verify --nodes{_file_option(args)}"
        print_lines([*verdict_lines(path, verdict), *([] if verdict.broken is None else [ask])])
    return ExitCode.OK if verdict.broken is None else ExitCode.CHECK_FAILED


def _file_option(args: argparse.Namespace) -> str:
    return "" if args.file is None else f" --file {shlex.quote(str(args.file))}"


def verify_document(verdict: ChainVerdict) -> Json:
    """`iamops.audit-verify/1`, without nodes."""
    broken = verdict.broken
    return audit_verify_document(
        verdict.records, verdict.notes, None if broken is None else (broken.record, broken.line, broken.reason)
    )


def verdict_lines(path: Path, verdict: ChainVerdict) -> list[str]:
    broken, records, notes = verdict.broken, verdict.records, [f"note: {note}" for note in verdict.notes]
    if broken is not None:
        where = f"{path}:{broken.line}: record {broken.record}: {broken.reason}"
        return [where, f"{counted(records, 'record')} before it {'is' if records == 1 else 'are'} intact", *notes]
    if not records:
        return [f"0 records in {path}: nothing was done yet, or all of it is gone", *notes]
    return [f"{counted(records, 'record')}, chain intact", *notes]


def tail_lines(records: Sequence[Record], count: int) -> list[str]:
    """The latest runs, one line each, oldest first: all records of a run are one line."""
    shown = runs_of(records)[-count:] if count > 0 else ()
    return [_tail_line(run) for run in sorted(shown, key=lambda run: run.last.n)]


def _tail_line(run: LedgerRun) -> str:
    if run.breaks:
        why = safe(str(run.value("reason") or "no reason"))
        return (
            f"{safe(run.last.at)} THE CHAIN IS BROKEN before record {run.last.n}: {why}; see `iamops audit verify`"
        )
    profile, who, host, action, reason = (
        safe(str(run.value(key) or "")) for key in ("profile", "who", "from", "action", "reason")
    )
    head = safe(f"{run.last.at} {profile} {run.run}")
    because = f' "{reason}"' if reason else ""
    sentence = safe(run.sentence)
    end = f": {sentence}" if sentence else ""
    return f"{head} {who} from {host}: {action}{because} -> {safe(run.outcome) or NO_OUTCOME}{end}"


def run_lines(records: Sequence[Record]) -> list[str]:
    lines: list[str] = []
    for record in records:
        lines += [safe(f"{record.kind} (record {record.n}, {record.at})"), *_fields(record)]
    outcomes = [run.outcome for run in runs_of(records)]
    if outcomes == [""]:
        lines.append(NO_OUTCOME)
    elif len(outcomes) == 1:
        lines.append(f"ended: {safe(outcomes[0])}")
    return lines


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
        undo = fields(step)
        line = f"{text(undo.get('stage'))}: {text(undo.get('title'))}" if undo else text(step)
        yield f"  undo {safe(line)}"
    yield from (f"  client: {safe(line)}" for line in _client(record.raw.get("client")))


def _step(step: object) -> str:
    """A step as it was left: a run that is over leaves none waiting."""
    found = fields(step)
    if not found:
        return text(step)
    took = figure(found.get("took_s"), ".1f", "s")
    return f"{stage_word(text(found.get('stage')))}{f' ({took})' if took else ''} {text(found.get('title'))}"


def _client(client: object) -> Iterator[str]:
    found = fields(client)
    if not found:
        yield from map(text, listed(client))
    gap = figure(found.get("longest_gap_ms"), ".0f", "ms")
    if gap:
        yield f"longest gap {gap}"
    hole_ms = found.get("not_measured_ms")
    if hole_ms:
        known_ms = finite_number(hole_ms)
        yield f"not measured: {text(hole_ms)}" if known_ms is None else not_measured(known_ms)
