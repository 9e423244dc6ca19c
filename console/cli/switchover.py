"""`iamops switchover`: a planned move of the VIP."""

from __future__ import annotations

import argparse

from console.cli.acting import act, add_action_parser

DESCRIPTION = """\
Moves the VIP to the standby with the smallest gap VRRP allows: the standby's priority is raised to 254, so
that it takes over 8 ms after the owner's farewell; then the owner comes back as standby and the priority
goes down again. Where keepalived has no track file for that, the plain way is taken, and said.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_action_parser(
        subparsers,
        "switchover",
        short="move the VIP to the other node",
        description=DESCRIPTION,
    )
    parser.add_argument("--to", metavar="NODE", help="who shall own the VIP (default: the best standby)")
    parser.add_argument("--instance", metavar="NAME", help="the VRRP instance (default: the first)")
    parser.add_argument("--plain", action="store_true", help="do not raise the priority: a gap of its skew time")


def run(args: argparse.Namespace) -> int:
    from console.plan.action import Switchover

    return act(Switchover(args.to, args.instance, args.plain), args)
