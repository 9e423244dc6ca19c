"""What several commands share: options of actions, spans and points in time, the ledger's file."""

from __future__ import annotations

import argparse
import math
import re
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from iamops.model.exit_code import ExitCode
from iamops.plan.overridable import OVERRIDABLE

if TYPE_CHECKING:
    from iamops.plan.action import Action


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
        metavar="CODE[@NODE/SUBJECT]",
        help="insist although this guard refuses, on all that it says now or on one thing; needs --reason; "
        "may be repeated",
    )
    parser.add_argument("--arm", metavar="CLUSTER", help="needed in production: the profile's name")


def act(action: Action, args: argparse.Namespace) -> int:
    """Carries an action out from a shell, and returns the exit code. Raises NoSuchTarget."""
    from iamops.plan.action import check_targets
    from iamops.session.profiles import load_profile

    profile = load_profile(args.profile)
    check_targets(action, profile)
    refused = refused_at_once(args)
    if refused is not None:
        return refused
    from iamops.cli.acting import ActingSession

    return ActingSession(profile, action, args).run()


def refused_at_once(args: argparse.Namespace) -> int | None:
    """An exit code where no look at the cluster is needed to say no."""
    for code in (each.partition("@")[0] for each in args.override):
        if code not in OVERRIDABLE:
            _tell(f"iamops: --override {code}: not among what can be overridden: {', '.join(sorted(OVERRIDABLE))}")
            return ExitCode.USAGE
    if args.override and not args.reason:
        _tell("iamops: --override needs --reason: the audit keeps why a guard was overridden")
        return ExitCode.USAGE
    if not (args.yes or args.dry_run or sys.stdin.isatty()):
        _tell("iamops: refused: not-confirmed: there is no terminal to ask on; --yes runs it without asking")
        return ExitCode.REFUSED
    return None


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


# Spans and moments on the command line: `90s`, `15m`, `2h`, `1d`, `2026-11-24T17:00`.

_SPAN = re.compile(r"(?P<number>\d{1,6})(?P<unit>[smhd])", re.ASCII)
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def span_s(text: str) -> float | None:
    """Seconds; None if the text is not a span."""
    match = _SPAN.fullmatch(text)
    return float(int(match["number"]) * _UNITS_S[match["unit"]]) if match else None


def seconds(text: str, *, most: float = 86400.0) -> float:
    """A plain number of seconds, from 0 to `most`."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most:
        raise argparse.ArgumentTypeError(f"expected 0 to {most:g} seconds, found {text}")
    return value


def point_in_time(text: str, *others: str) -> float:
    """Epoch seconds: so long ago, or a time. `others`: what else the option takes, for the error."""
    if (back_s := span_s(text)) is not None:
        return time.time() - back_s
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError):
        known = ", ".join(("15m", "2h", "1d", "2026-11-24T17:00", *others))
        raise argparse.ArgumentTypeError(f"expected one of {known}; found {text!r}") from None


# Which ledger a command reads: the operator's own, or the one that he names.


class NoSuchLedger(Exception):
    """The named file is none that could be read as a ledger; says why."""


def ledger_file(named: Path | None) -> Path:
    """Its path; only the operator's own need not be there yet. Raises NoSuchLedger, OSError."""
    from iamops.ledger.files import regular
    from iamops.session.user import audit_file

    path = named or audit_file()
    try:
        regular(path).close()
    except FileNotFoundError:
        if named is not None:
            raise NoSuchLedger(f"{path}: no such ledger") from None
    except OSError:
        if named is not None and path.exists() and not path.is_file():
            raise NoSuchLedger(f"{path}: a {_kind(path)}, not a ledger") from None
        raise
    return path


def _kind(path: Path) -> str:
    return "directory" if path.is_dir() else "device, fifo or socket"
