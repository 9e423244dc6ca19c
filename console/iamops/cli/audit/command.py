"""`iamops audit`: who did what, when, why and with which outcome; and whether the record is intact."""

from __future__ import annotations

import argparse
from pathlib import Path

from iamops.cli.options import Subparsers, add_profile_option, add_verb
from iamops.cli.output import CliError

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


def add_parser(subparsers: Subparsers) -> None:
    audit = subparsers.add_parser("audit", help="who did what, and is the record intact", description=DESCRIPTION)
    verbs = audit.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True)
    tail = verbs.add_parser("tail", help="the latest records")
    tail.add_argument("-n", type=_count, default=20, metavar="N", help="how many (default %(default)s)")
    show = verbs.add_parser("show", help="everything about one run")
    show.add_argument("run", metavar="RUN", help="the run's name, as tail prints it")
    text = "check the chain (1: it is broken, with the record's number)"
    verify = add_verb(verbs, "verify", text, description=VERIFY)
    add_profile_option(verify, "the cluster of --nodes")
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
    if args.verb == "verify" and args.earlier and not args.nodes:
        raise CliError("--earlier is compared with what nodes remember: add --nodes")
    from iamops.session.user_files import ledger_file

    path = ledger_file(args.file)
    if args.verb == "verify" and args.nodes:
        from iamops.cli.audit.nodes import verify_with_nodes

        return verify_with_nodes(path, args)
    from iamops.cli.audit import run as ledger

    return {"tail": ledger.tail, "show": ledger.show, "verify": ledger.verify_alone}[args.verb](path, args)


def _count(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or len(text) > 9 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more records, found {text}")
    return int(text)
