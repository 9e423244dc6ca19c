"""What all commands that change something share: options, plan, confirmation, run, result, exit code."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from console.model.exit_code import ExitCode

if TYPE_CHECKING:
    from console.plan.action import Action

EPILOG = """\
The plan is shown before anything runs, and needs a yes (or --yes). Without a terminal, --yes is needed.
exit codes: 0 done and observed, 1 failed and undone, 2 usage, 3 refused by a guard, 4 node unreachable,
5 outcome unknown (look now), 130 interrupted and undone.
"""


def add_action_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    *,
    short: str,
    description: str,
) -> argparse.ArgumentParser:
    """A parser with the options every action has."""
    parser = subparsers.add_parser(
        name,
        help=short,
        description=description,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_guarded_options(parser)
    parser.add_argument("--json", action="store_true", help="the document iamops.run/1 (or iamops.plan/1)")
    return parser


def add_guarded_options(parser: argparse.ArgumentParser) -> None:
    """Options of everything that changes something."""
    parser.add_argument("--profile", metavar="NAME|PATH", default=argparse.SUPPRESS, help="the cluster")
    parser.add_argument("--dry-run", action="store_true", help="print the plan that would run; change nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why: goes into the audit")
    parser.add_argument(
        "--override",
        action="append",
        default=[],
        metavar="CODE",
        help="insist although this guard refuses; needs --reason; may be repeated",
    )
    parser.add_argument("--arm", metavar="CLUSTER", help="needed in production: the profile's name")


def act(action: Action, args: argparse.Namespace) -> int:
    """Carries an action out from a shell, and returns the exit code."""
    from console.session.profiles import load_profile

    profile = load_profile(args.profile)
    refused = refused_at_once(args)
    if refused is not None:
        return refused
    from console.cli.acting_session import ActingSession

    return ActingSession(profile, action, args).run()


def refused_at_once(args: argparse.Namespace) -> int | None:
    """An exit code where no look at the cluster is needed to say no."""
    if args.override and not args.reason:
        _tell("iamops: --override needs --reason: the audit keeps why a guard was overridden")
        return ExitCode.USAGE
    if not (args.yes or args.dry_run or sys.stdin.isatty()):
        _tell("iamops: refused: not-confirmed: there is no terminal to ask on; --yes runs it without asking")
        return ExitCode.REFUSED
    return None


def _tell(text: str) -> None:
    print(text, file=sys.stderr)
