"""`iamops config`: the nodes' files from the profile: render, lint, diff, push, rollback, history."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from iamops.cli.options import Subparsers, add_guarded_options, add_profile_option, add_verb, refuse_at_once
from iamops.cli.output import CliError

PUSH = """\
Puts the files that the profile asks for in place: staged and checked on every node before anything is
replaced, then node by node, the VIP's owner last, with the way back armed on each node. What does not prove
good, or is not confirmed, is taken back by the nodes themselves.
"""
ROLLBACK = """\
Puts back what was in place before a push, with the same steps as a push: staged and checked on every node before
anything is replaced, then node by node, the VIP's owner last, with the way back armed on each node. The profile
still asks for the newer files afterwards: `iamops config diff` says so until it is edited too.
"""
EXITS = """\
exit codes: 0 done and observed (or nothing to do), 1 failed and taken back (diff --check: drift; lint:
findings), 2 usage or profile error, 3 refused, 4 node unreachable, 5 outcome unknown, 130 interrupted.
"""


def add_parser(subparsers: Subparsers) -> None:
    parser = add_verb(
        subparsers,
        "config",
        "render, lint, diff, push, roll back the nodes' files",
        description="The nodes' configuration files, with the profile as their source.",
        epilog=EXITS,
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True)
    render = _looking(verbs, "render", "print every managed file, or write them to a directory")
    render.add_argument("--node", metavar="NODE", help="only this node's")
    render.add_argument("--to", metavar="DIR", type=Path, help="write DIR/NODE/etc/… instead of printing")
    lint = _looking(
        verbs, "lint", "look for mistakes in the live pair, in directories, or in what would be rendered"
    )
    lint.add_argument(
        "paths", nargs="*", type=Path, metavar="DIR", help="a node's files below DIR/etc (default: live)"
    )
    lint.add_argument("--rendered", action="store_true", help="lint what the profile renders; no node is asked")
    lint.add_argument("--format", choices=("text", "json", "sarif", "junit"), default="text")
    lint.add_argument("--json", action="store_const", const="json", dest="format", help="same as --format json")
    lint.add_argument("--fail-on", choices=("info", "warning", "critical"), default="warning")
    diff = _looking(verbs, "diff", "what is on the nodes beside what the profile asks for")
    diff.add_argument("--check", action="store_true", help="exit 1 when there is any difference")
    diff.add_argument("--json", action="store_true", help="the document iamops.config-diff/1")
    push = add_verb(verbs, "push", "put the profile's files in place", description=PUSH, epilog=EXITS)
    rollback = add_verb(verbs, "rollback", "go back to before a push", description=ROLLBACK, epilog=EXITS)
    rollback.add_argument("push", nargs="?", metavar="ID", help="back to before this push (default: the last)")
    for acting in (push, rollback):
        add_guarded_options(acting)
        acting.add_argument(
            "--confirm-timeout",
            type=int,
            metavar="SECONDS",
            help="ask again when it is in place, and take it back when nobody says yes within this time",
        )
    history = _looking(verbs, "history", "the pushes that the nodes remember")
    history.add_argument("--json", action="store_true", help="the document iamops.config-history/1")
    parser.set_defaults(handler=run)


def _looking(verbs: Subparsers, name: str, text: str) -> argparse.ArgumentParser:
    """A verb that changes nothing."""
    parser = add_verb(verbs, name, text, description=f"{text[0].upper()}{text[1:]}.", epilog=EXITS)
    add_profile_option(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    if args.verb in ("push", "rollback"):
        return _push(args)
    from iamops.cli.config.run import diff, history, lint, render

    return {"render": render, "lint": lint, "diff": diff, "history": history}[args.verb](args)


def _push(args: argparse.Namespace) -> int:
    refuse_at_once(args)
    if args.confirm_timeout is not None and args.confirm_timeout < 1:
        raise CliError(f"--confirm-timeout needs at least 1 second, got {args.confirm_timeout}")
    if args.confirm_timeout is not None and not sys.stdin.isatty() and not args.dry_run:
        raise CliError("--confirm-timeout asks on a terminal, and there is none")
    from iamops.cli.config.run import PushSession
    from iamops.session.profiles import load_profile

    return PushSession(load_profile(args.profile), args).run()
