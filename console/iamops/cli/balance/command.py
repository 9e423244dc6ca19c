"""`iamops balance`: the deployment's load-balancing test, with any number of requests."""

from __future__ import annotations

import argparse

from iamops.cli.options import Subparsers, add_profile_option, add_verb, whole_number

REQUESTS_MAX = 1000
DESCRIPTION = f"""\
Sends N GETs of the health path to each published domain, through the VIP, one after the other, and reads in
the services' own logs which backend had how many. Where the access log's format says which backend was asked
($upstream_addr), what nginx says is shown beside it. Changes nothing, but N requests per domain (1 to
{REQUESTS_MAX}) are sent, in production too.

Even means: no more apart than round robin must be, and than the turns that other clients took meanwhile,
as nginx's access log counts them. Where that does not tell backends, and more lines of others stand between in
the services' logs than the test has requests, the split cannot be told. A backend that had no request and does
not answer is never even.
A drained backend takes no requests and is not compared.
"""
EXITS = """\
exit codes: 0 even everywhere, 1 uneven or a request failed, 2 usage or profile error, 4 a node cannot be
reached or the split cannot be told, 130 interrupted. 1 goes before 4.
"""


def add_parser(subparsers: Subparsers) -> None:
    text = "send N requests per domain through the VIP: did every backend get its share?"
    parser = add_verb(subparsers, "balance", text, description=DESCRIPTION, epilog=EXITS)
    parser.add_argument(
        "count",
        nargs="?",
        type=lambda text: whole_number(text, "requests", REQUESTS_MAX),
        default=10,
        metavar="N",
        help="requests per domain (default %(default)s)",
    )
    add_profile_option(parser)
    parser.add_argument("--json", action="store_true", help="the document iamops.balance/1")
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    from iamops.session.profiles import load_profile

    profile = load_profile(args.profile)  # a broken profile is reported before SSH is loaded
    from iamops.cli.balance.run import show_balance

    return show_balance(profile, args.count, as_json=args.json)
