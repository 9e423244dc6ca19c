"""`iamops restart|reload|start|stop`: guarded actions on one unit. `iamops switchover`: a planned VIP move."""

from __future__ import annotations

import argparse
import sys

from iamops.cli.options import act, add_action_parser, refused_at_once
from iamops.model.exit_code import ExitCode

VERBS = {
    "restart": "restart a unit, or roll over all nodes",
    "reload": "have a unit read its files again",
    "start": "start a unit",
    "stop": "stop a unit",
}
DESCRIPTION = """\
{verb} one unit of the profile on one node. Guards are asked first; the effect is observed, not believed;
what was stopped by mistake or by a cut connection is started again by the node itself.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    for verb, short in VERBS.items():
        parser = add_action_parser(
            subparsers,
            verb,
            short=short,
            description=DESCRIPTION.format(verb=verb.capitalize()),
        )
        parser.add_argument("unit", metavar="UNIT", help="a unit of the profile, for example nginx")
        if verb == "restart":
            parser.add_argument("node", metavar="NODE", nargs="?", help="a node of the profile")
            parser.add_argument(
                "--rolling",
                action="store_true",
                help="every node that has the unit, one after the other, each observed healthy first",
            )
            parser.add_argument(
                "--drain",
                action="store_true",
                help="with --rolling: a node's backend gets no requests while it restarts, so none is lost",
            )
        else:
            parser.add_argument("node", metavar="NODE", help="a node of the profile")
        parser.set_defaults(handler=run)
    _add_switchover(subparsers)


def run(args: argparse.Namespace) -> int:
    from iamops.plan.action import RollingRestart, ServiceAction, UnitVerb

    unit = args.unit.removesuffix(".service")
    rolling = getattr(args, "rolling", False)
    if rolling == (args.node is not None):
        return _usage("name a node, or --rolling for all of them")
    if getattr(args, "drain", False):
        return _drained(unit, args) if rolling else _usage("--drain goes with --rolling")
    if rolling:
        return act(RollingRestart(unit), args)
    return act(ServiceAction(UnitVerb(args.command), unit, args.node), args)


def _drained(unit: str, args: argparse.Namespace) -> int:
    from iamops.plan.action import RollingRestart, check_targets
    from iamops.session.profiles import load_profile

    profile = load_profile(args.profile)
    check_targets(RollingRestart(unit), profile)
    refused = refused_at_once(args)
    if refused is not None:
        return refused
    from iamops.cli.config.push import DrainedRestartSession

    return DrainedRestartSession(profile, unit, args).run()


def _usage(message: str) -> int:
    print(f"iamops: {message}", file=sys.stderr)
    return ExitCode.USAGE


SWITCHOVER_DESCRIPTION = """\
Moves the VIP to the standby with the smallest gap VRRP allows: the standby's priority is raised to 254, so
that it takes over 8 ms after the owner's farewell; then the owner comes back as standby and the priority
goes down again. Where keepalived has no track file for that, the plain way is taken, and said.
"""


def _add_switchover(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_action_parser(
        subparsers,
        "switchover",
        short="move the VIP to the other node",
        description=SWITCHOVER_DESCRIPTION,
    )
    parser.add_argument("--to", metavar="NODE", help="who shall own the VIP (default: the best standby)")
    parser.add_argument("--instance", metavar="NAME", help="the VRRP instance (default: the first)")
    parser.add_argument("--plain", action="store_true", help="do not raise the priority: a gap of its skew time")
    parser.set_defaults(handler=switchover)


def switchover(args: argparse.Namespace) -> int:
    from iamops.plan.action import Switchover

    return act(Switchover(args.to, args.instance, args.plain), args)
