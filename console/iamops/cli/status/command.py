"""`iamops status`: one snapshot of the cluster, or a stream of them."""

from __future__ import annotations

import argparse
import gc

from iamops.cli.options import Subparsers, add_profile_option, measured


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "status",
        help="who owns the VIP, and what is healthy",
        description="Looks at every node once and prints what it saw. Changes nothing. "
        "Exit code 4 when no node can be reached, or one is connected and tells nothing; else 0.",
    )
    add_profile_option(parser)
    parser.add_argument("--json", action="store_true", help="the document iamops.status/1")
    parser.add_argument("--watch", action="store_true", help="a line of JSON at every change, until Ctrl-C")
    parser.add_argument(
        "--timeout",
        type=lambda text: measured(text, "seconds", 86400),
        default=6.0,
        metavar="SECONDS",
        help="how long to wait for what has not been seen yet (default %(default)s)",
    )
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    from iamops.session.profiles import load_profile

    if not args.watch:
        gc.disable()  # over before there is anything worth collecting
    profile = load_profile(args.profile)  # a broken profile is reported before SSH is loaded
    from iamops.cli.status.run import show_status

    return show_status(profile, args)
