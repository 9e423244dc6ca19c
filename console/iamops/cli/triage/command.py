"""`iamops triage`: what is wrong, how it is known, what is safe to do next; `triage explain`: the runbook."""

from __future__ import annotations

import argparse
import time

from iamops.cli.options import Subparsers, add_profile_option, add_verb, measured, point_in_time, span_s
from iamops.cli.output import CliError

DESCRIPTION = """\
Looks at everything once, for a bounded time, and changes nothing. Findings come worst first; a root cause
lists the symptoms it explains. What cannot be told is said, with the reason: it is never taken for well.
"""
EPILOG = """\
`iamops triage explain CODE` prints the runbook entry of a finding (its word or its number);
without CODE it lists them all.

exit codes: 0 no finding at or above --fail-on, 1 there are, 2 usage or profile error,
4 no node could be reached (what is known all the same is printed).
"""
FORMS = ("json", "junit", "markdown")
STDOUT = "-"


def add_parser(subparsers: Subparsers) -> None:
    parser = add_verb(
        subparsers,
        "triage",
        "what is wrong, on what evidence, and the next safe step",
        usage="iamops triage [OPTIONS]\n       iamops triage explain [CODE]",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    add_profile_option(parser)
    parser.add_argument(
        "--since",
        type=_since,
        metavar="SPAN|TIME",
        help="also what happened from then on, as one timeline: 15m, 2h, 1d, 2026-11-24T17:00",
    )
    parser.add_argument(
        "--timeout", type=_timeout, default=10.0, metavar="SECONDS", help="at most (default %(default)s)"
    )
    for form in FORMS:
        parser.add_argument(
            f"--{form}", nargs="?", const=STDOUT, metavar="FILE", help=f"as {form}, to FILE or instead of the text"
        )
    parser.add_argument(
        "--fail-on",
        choices=("critical", "warning", "info", "never"),
        default="critical",
        help="exit 1 for findings of this severity and above (default %(default)s)",
    )
    parser.add_argument(
        "--bundle", metavar="FILE", help="also write the evidence, redacted: FILE.tar.zst or .tar.gz"
    )
    # What loading takes belongs to the time that was promised.
    parser.set_defaults(handler=run, began=time.monotonic())
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb", prog="iamops triage")
    explain = verbs.add_parser("explain", help="the runbook entry of a finding", description="Asks no node.")
    explain.add_argument("code", metavar="CODE", nargs="?", help="a finding's word or number (default: list them)")


def run(args: argparse.Namespace) -> int:
    if args.verb == "explain":
        from iamops.cli.triage.explain import explain

        return explain(args.code)
    if [getattr(args, form) for form in FORMS].count(STDOUT) > 1:
        raise CliError("only one of --json, --junit and --markdown fits on stdout: give FILEs")
    from iamops.session.profiles import load_profile

    profile = load_profile(args.profile)  # a broken profile is reported before SSH is loaded
    from iamops.cli.triage.run import triage

    return triage(profile, args)


def _since(text: str) -> float:
    """How many seconds back."""
    span = span_s(text)
    back_s = time.time() - point_in_time(text) if span is None else span
    if back_s <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not in the past")
    return back_s


def _timeout(text: str) -> float:
    value = measured(text, "seconds", 300)
    if not value:
        raise argparse.ArgumentTypeError("no look is possible in 0 seconds")
    return value
