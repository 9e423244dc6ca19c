"""`iamops audit`: who did what, when, why and with which outcome; and whether the record is intact."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iamops.cli.output import print_lines
from iamops.model.exit_code import ExitCode
from iamops.model.text import counted
from iamops.report.text import exact_json

if TYPE_CHECKING:
    from iamops.ledger.verify import ChainVerdict


DESCRIPTION = """\
Every action leaves an intent and an outcome in an append-only ledger on this machine, and two lines in the
journal of each node it touched, which say how far the ledger went. Each record carries the hash of the one before.
"""
VERIFY = """\
Checks that each record is as it was written and follows the one before, and that none is missing at the end.
Whoever can rewrite both the ledger and its side file can make a new chain: with --nodes it is also compared with
what the journals of the profile's nodes remember of it, which takes root there to change.

exit codes: 0 as it was left, 1 broken or not what a node remembers, 2 usage, profile or no such ledger,
4 --nodes and no journal could be read.
"""
TAIL_RECORDS = 20
LONGEST_COUNT = 9


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    audit = subparsers.add_parser("audit", help="who did what, and is the record intact", description=DESCRIPTION)
    verbs = audit.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True)
    tail = verbs.add_parser("tail", help="the latest records")
    tail.add_argument("-n", type=_count, default=TAIL_RECORDS, metavar="N", help="how many (default %(default)s)")
    show = verbs.add_parser("show", help="everything about one run")
    show.add_argument("run", metavar="RUN", help="the run's name, as tail prints it")
    verify = verbs.add_parser(
        "verify",
        help="check the chain (1: it is broken, with the record's number)",
        description=VERIFY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verify.add_argument("--profile", metavar="NAME|PATH", default=argparse.SUPPRESS, help="the cluster of --nodes")
    verify.add_argument("--nodes", action="store_true", help="compare it with the journals of the nodes")
    verify.add_argument(
        "--earlier",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="with --nodes: a ledger that stood in this one's place and was moved away (repeatable)",
    )
    for parser in (tail, show, verify):
        parser.add_argument("--json", action="store_true", help="JSON on stdout")
        parser.add_argument("--file", type=Path, metavar="PATH", help="another ledger than your own")
    audit.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    from iamops.cli.options import ledger_file

    if args.verb == "verify" and args.earlier and not args.nodes:
        print("iamops: --earlier is compared with what nodes remember: add --nodes", file=sys.stderr)
        return ExitCode.USAGE
    path = ledger_file(args.file)
    if args.verb == "tail":
        return _tail(path, args)
    return _show(path, args) if args.verb == "show" else _verify(path, args)


def _tail(path: Path, args: argparse.Namespace) -> int:
    from iamops.cli.audit.text import tail_lines
    from iamops.ledger.audit import read
    from iamops.ledger.record import plain

    records = list(read(path))
    if args.json:
        lines = [exact_json(plain(record.raw)) for record in records[-args.n :]]
    else:
        lines = tail_lines(records, args.n)
    if lines:
        print_lines(lines)
    elif path.exists() and path.stat().st_size:
        print(
            f"no line of {path} is a record; `iamops audit verify{_of(args)}` says what is wrong", file=sys.stderr
        )
    else:
        print("no records yet", file=sys.stderr)
    return ExitCode.OK


def _of(args: argparse.Namespace) -> str:
    """For a command line about the same ledger."""
    return "" if args.file is None else f" --file {shlex.quote(str(args.file))}"


def _count(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or len(text) > LONGEST_COUNT or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more records, found {text}")
    return int(text)


def _show(path: Path, args: argparse.Namespace) -> int:
    from iamops.cli.audit.text import run_lines
    from iamops.ledger.audit import read
    from iamops.ledger.record import plain

    records = [record for record in read(path) if record.run == args.run]
    if not records:
        print(f"iamops: no run {args.run!r} in {path}", file=sys.stderr)
        return ExitCode.USAGE
    if args.json:
        print_lines(exact_json(plain(record.raw)) for record in records)
    else:
        print_lines(run_lines(records))
    return ExitCode.OK


def _verify(path: Path, args: argparse.Namespace) -> int:
    from iamops.ledger.verify import verify

    if args.nodes:
        from iamops.cli.audit.text import verify_with_nodes

        return verify_with_nodes(path, args)
    verdict = verify(path)
    if args.json:
        print(exact_json(document(verdict)))
    else:
        ask = f"what do the nodes remember? iamops audit verify --nodes{_of(args)}"
        see = () if verdict.broken is None else (ask,)
        print_lines([*lines_of(path, verdict), *see])
    return ExitCode.OK if verdict.broken is None else ExitCode.CHECK_FAILED


def document(verdict: ChainVerdict) -> dict[str, Any]:
    """iamops.audit-verify/1, without nodes."""
    broken = verdict.broken
    found = broken and {"record": broken.record, "line": broken.line, "reason": broken.reason}
    return {
        "schema": "iamops.audit-verify/1",
        "records": verdict.records,
        "broken": found,
        "notes": list(verdict.notes),
    }


def lines_of(path: Path, verdict: ChainVerdict) -> list[str]:
    broken, notes = verdict.broken, [f"note: {note}" for note in verdict.notes]
    if broken is not None:
        where = f"{path}:{broken.line}: record {broken.record}: {broken.reason}"
        before = verdict.records
        intact = f"{counted(before, 'record')} before it {'is' if before == 1 else 'are'} intact"
        return [where, intact, *notes]
    if not verdict.records:
        return [f"0 records in {path}: nothing was done yet, or all of it is gone", *notes]
    return [f"{counted(verdict.records, 'record')}, chain intact", *notes]
