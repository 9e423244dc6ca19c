"""`iamops traffic`: exact request counts from the nodes' access logs."""

from __future__ import annotations

import argparse

from iamops.cli.options import Subparsers, add_profile_option, add_verb, point_in_time, whole_number

BY = ("status", "host", "path", "backend", "client", "method", "minute")
DESCRIPTION = """\
Counts the access logs of every node, rotated and compressed files included, and changes nothing. Requests that
say they are health checks of iamops are counted too: anybody can say that. A number that the log's format cannot
tell is said to be unknown, never guessed: the format `iamops` (logs.format in the profile) tells all of them.
"""
EPILOG = """\
where: terms with spaces between them, all of them true:
  status>=500   status=5xx   host=iam.api   path~^/v1/   method=POST   client!=10.0.4.1   backend=10.0.4.20:8080
  bytes>100000   time>0.5 (seconds)   node=iam-a   agent!~^iamops-probe/
  ~ and !~ take . * + ? | ( ) [ ] ^ $

exit codes: 0 counted, 2 usage or profile error, 4 a node's log could not be read (the others are shown).
"""
TOP_MAX = 10_000


def add_parser(subparsers: Subparsers) -> None:
    text = "request counts from the access logs: status, backend, path, client, latency"
    parser = add_verb(subparsers, "traffic", text, description=DESCRIPTION, epilog=EPILOG)
    add_profile_option(parser)
    parser.add_argument(
        "--since",
        type=_since,
        default=_since("15m"),
        metavar="SPAN|TIME",
        help="90s, 15m, 2h, 1d, 2026-11-24T17:00, or `all` for the log's file of now (default 15m); whole minutes",
    )
    parser.add_argument("--by", choices=BY, help="a table by this instead of the overview")
    parser.add_argument("--where", default="", metavar="EXPR", help="only the requests of which this is true")
    parser.add_argument(
        "--top",
        type=lambda text: whole_number(text, "rows", TOP_MAX),
        default=20,
        metavar="N",
        help="rows of the table (default %(default)s)",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the document iamops.traffic/1")
    form.add_argument("--csv", action="store_true", help="the table as comma-separated values")
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    from iamops.session.profiles import load_profile

    profile = load_profile(args.profile)  # a broken profile is reported before SSH is loaded
    from iamops.cli.traffic.run import show_traffic

    return show_traffic(profile, args)


def _since(text: str) -> float | None:
    """Seconds since the epoch at the beginning of a minute; None for the whole file of now."""
    if text == "all":
        return None
    return point_in_time(text, "all") // 60 * 60
