"""`iamops audit`: who did what, when, why and with which outcome; and whether the record is intact."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path

from console.cli.coloured import print_lines
from console.judge.json_text import exact_json
from console.model.exit_code import ExitCode

DESCRIPTION = """\
Every action leaves an intent and an outcome in an append-only ledger on this machine (and a line in the
journal of each node it touched). Each record carries the hash of the one before.
"""
TAIL_RECORDS = 20


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    audit = subparsers.add_parser("audit", help="who did what, and is the record intact", description=DESCRIPTION)
    verbs = audit.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True)
    tail = verbs.add_parser("tail", help="the latest records")
    tail.add_argument("-n", type=int, default=TAIL_RECORDS, metavar="N", help="how many (default %(default)s)")
    show = verbs.add_parser("show", help="everything about one run")
    show.add_argument("run", metavar="RUN", help="the run's name, as tail prints it")
    verify = verbs.add_parser("verify", help="check the chain (1: it is broken, with the record's number)")
    for parser in (tail, show, verify):
        parser.add_argument("--json", action="store_true", help="JSON on stdout")
        parser.add_argument("--file", type=Path, metavar="PATH", help="another ledger than your own")


def run(args: argparse.Namespace) -> int:
    from console.ledger.regular import regular
    from console.session.resources import audit_file

    path = args.file or audit_file()
    if args.file is not None and not path.is_file():
        print(f"iamops: {path}: no such ledger", file=sys.stderr)
        return ExitCode.USAGE
    with contextlib.suppress(FileNotFoundError):
        regular(path).close()
    if args.verb == "tail":
        return _tail(path, args)
    return _show(path, args) if args.verb == "show" else _verify(path, args)


def _tail(path: Path, args: argparse.Namespace) -> int:
    from console.cli.audit_text import tail_lines
    from console.ledger.audit import read

    records = list(read(path))
    if args.json:
        chosen = records[-args.n :] if args.n > 0 else []
        lines = [exact_json(record.raw) for record in chosen]
    else:
        lines = tail_lines(records, args.n)
    if lines:
        print_lines(lines)
    else:
        print("no records yet", file=sys.stderr)
    return ExitCode.OK


def _show(path: Path, args: argparse.Namespace) -> int:
    from console.cli.audit_text import run_lines
    from console.ledger.audit import read

    records = [record for record in read(path) if record.run == args.run]
    if not records:
        print(f"iamops: no run {args.run!r} in {path}", file=sys.stderr)
        return ExitCode.USAGE
    if args.json:
        print_lines(exact_json(record.raw) for record in records)
    else:
        print_lines(run_lines(records))
    return ExitCode.OK


def _verify(path: Path, args: argparse.Namespace) -> int:
    from console.ledger.verify import verify

    verdict = verify(path)
    broken = verdict.broken
    if args.json:
        found = broken and {"record": broken.record, "line": broken.line, "reason": broken.reason}
        print(exact_json({"schema": "iamops.audit-verify/1", "records": verdict.records, "broken": found}))
    elif broken is None:
        print(f"{verdict.records} records, chain intact")
    else:
        print(f"{path}:{broken.line}: record {broken.record}: {broken.reason}")
        print(f"{verdict.records} records before it are intact")
    return ExitCode.OK if broken is None else ExitCode.NOT_SO
