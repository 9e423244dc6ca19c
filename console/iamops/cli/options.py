"""What several commands share: parsers, the options of what acts, spans and times."""

from __future__ import annotations

import argparse
import math
import re
import sys
import time
from datetime import datetime
from typing import TypeAlias

from iamops.cli.output import CliError
from iamops.model.exit_code import ExitCode
from iamops.plan.overridable import OVERRIDABLE

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_verb(
    subparsers: Subparsers,
    name: str,
    text: str,
    *,
    description: str | None = None,
    epilog: str | None = None,
    usage: str | None = None,
) -> argparse.ArgumentParser:
    """A parser whose description and epilog keep their lines."""
    raw = argparse.RawDescriptionHelpFormatter
    return subparsers.add_parser(
        name, help=text, description=description, epilog=epilog, usage=usage, formatter_class=raw
    )


def add_profile_option(parser: argparse.ArgumentParser, text: str = "the cluster") -> None:
    """SUPPRESS keeps what was given before the command: `iamops --profile lab status` works too."""
    parser.add_argument("--profile", metavar="NAME|PATH", default=argparse.SUPPRESS, help=text)


def add_guarded_options(parser: argparse.ArgumentParser, *, json: bool = True) -> None:
    """Options of everything that changes something."""
    add_profile_option(parser)
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
    if json:
        parser.add_argument("--json", action="store_true", help="the document iamops.run/1 (or iamops.plan/1)")


def refuse_at_once(args: argparse.Namespace) -> None:
    """Raises CliError where no look at the cluster is needed to say no."""
    for code in (override.partition("@")[0] for override in args.override):
        if code not in OVERRIDABLE:
            known = ", ".join(sorted(OVERRIDABLE))
            raise CliError(f"--override {code}: not among what can be overridden: {known}")
    if args.override and not args.reason:
        raise CliError("--override needs --reason: the audit keeps why a guard was overridden")
    if not (args.yes or args.dry_run or sys.stdin.isatty()):
        why = "there is no terminal to ask on; --yes runs it without asking"
        raise CliError(f"refused: not-confirmed: {why}", ExitCode.REFUSED)


# Numbers, spans and times on the command line: `20`, `90s`, `15m`, `2h`, `1d`, `2026-11-24T17:00`.

_SPAN = re.compile(r"(?P<number>\d{1,6})(?P<unit>[smhd])", re.ASCII)
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def span_s(text: str) -> float | None:
    """Seconds; None if the text is not a span."""
    match = _SPAN.fullmatch(text)
    return float(int(match["number"]) * _UNITS_S[match["unit"]]) if match else None


def measured(text: str, unit: str, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most:
        raise argparse.ArgumentTypeError(f"expected 0 to {most:g} {unit}, found {text}")
    return value


def whole_number(text: str, noun: str, most: int) -> int:
    """From 1 to `most`, in plain digits."""
    value = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    if not 1 <= value <= most:
        raise argparse.ArgumentTypeError(f"expected 1 to {most} {noun}, found {text}")
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
