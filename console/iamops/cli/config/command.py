"""`iamops config`: the nodes' files from the profile: render, lint, diff, push, rollback, history."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from iamops.cli.options import add_guarded_options, refused_at_once
from iamops.model.exit_code import ExitCode

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


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "config",
        help="render, lint, diff, push, roll back the nodes' files",
        description="The nodes' configuration files, with the profile as their source.",
        epilog=EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True)
    render = _verb(verbs, "render", "print every managed file, or write them to a directory")
    render.add_argument("--node", metavar="NODE", help="only this node's")
    render.add_argument("--to", metavar="DIR", type=Path, help="write DIR/NODE/etc/… instead of printing")
    lint = _verb(verbs, "lint", "look for mistakes in the live pair, in directories, or in what would be rendered")
    lint.add_argument(
        "paths", nargs="*", type=Path, metavar="DIR", help="a node's files below DIR/etc (default: live)"
    )
    lint.add_argument("--rendered", action="store_true", help="lint what the profile renders; no node is asked")
    lint.add_argument("--format", choices=("text", "json", "sarif", "junit"), default="text")
    lint.add_argument("--json", action="store_const", const="json", dest="format", help="same as --format json")
    lint.add_argument("--fail-on", choices=("info", "warning", "critical"), default="warning")
    diff = _verb(verbs, "diff", "what is on the nodes beside what the profile asks for")
    diff.add_argument("--check", action="store_true", help="exit 1 when there is any difference")
    diff.add_argument("--json", action="store_true", help="the document iamops.config-diff/1")
    for name, text, description in (
        ("push", "put the profile's files in place", PUSH),
        ("rollback", "go back to before a push", ROLLBACK),
    ):
        acting = verbs.add_parser(
            name,
            help=text,
            description=description,
            epilog=EXITS,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == "rollback":
            acting.add_argument(
                "push", nargs="?", metavar="ID", help="back to before this push (default: the last)"
            )
        add_guarded_options(acting)
        acting.add_argument("--json", action="store_true", help="the document iamops.run/1 (or iamops.plan/1)")
        acting.add_argument(
            "--confirm-timeout",
            type=int,
            metavar="SECONDS",
            help="ask again when it is in place, and take it back when nobody says yes within this time",
        )
    history = _verb(verbs, "history", "the pushes that the nodes remember")
    history.add_argument("--json", action="store_true", help="the document iamops.config-history/1")
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    if args.verb in ("push", "rollback"):
        return _push(args)
    if args.verb == "render":
        return _render(args)
    from iamops.cli.config import run as config_session

    looks = {"lint": config_session.lint, "diff": config_session.diff, "history": config_session.history}
    return looks[args.verb](args)


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--profile", metavar="NAME|PATH", default=argparse.SUPPRESS, help="the cluster")
    return parser


def _push(args: argparse.Namespace) -> int:
    refused = refused_at_once(args)
    if refused is not None:
        return refused
    if args.confirm_timeout is not None and args.confirm_timeout < 1:
        print(f"iamops: --confirm-timeout needs at least 1 second, got {args.confirm_timeout}", file=sys.stderr)
        return ExitCode.USAGE
    if args.confirm_timeout is not None and not sys.stdin.isatty() and not args.dry_run:
        print("iamops: --confirm-timeout asks on a terminal, and there is none", file=sys.stderr)
        return ExitCode.USAGE
    from iamops.cli.config.push import PushSession
    from iamops.session.profiles import load_profile

    return PushSession(load_profile(args.profile), args).run()


def _render(args: argparse.Namespace) -> int:
    """Secret files are written with their secrets, for they are to be used; printed they are not."""
    from iamops.session.config.configurator import rendered
    from iamops.session.profiles import load_profile

    profile = load_profile(args.profile)
    if args.node is not None and args.node not in profile.nodes:
        print(f"iamops: no node {args.node!r}; there are: {', '.join(profile.nodes)}", file=sys.stderr)
        return ExitCode.USAGE
    chosen = {node: files for node, files in rendered(profile).items() if args.node in (None, node)}
    if args.to is not None:
        from iamops.session.config.directory import write_tree

        for node, files in chosen.items():
            write_tree(args.to / node, files)
            print(args.to / node)
        return ExitCode.OK
    from iamops.plan.config.change import may_be_shown

    for node, files in chosen.items():
        for file in files:
            print(f"##### {node}:{file.path} {file.mode:o} {file.owner}:{file.group}")
            print(may_be_shown(file.content), end="" if file.content else "\n")
    return ExitCode.OK
