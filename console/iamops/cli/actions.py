"""`iamops restart|reload|start|stop`: guarded actions on one unit. `iamops switchover`: a planned VIP move."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from iamops.cli.options import Subparsers, add_guarded_options, add_verb, refuse_at_once
from iamops.cli.output import CliError

if TYPE_CHECKING:
    from iamops.plan.action import Action

VERBS = {
    "restart": "restart a unit, or roll over all nodes",
    "reload": "have a unit read its files again",
    "start": "start a unit",
    "stop": "stop a unit",
}
EPILOG = """\
The plan is shown before anything runs, and needs a yes (or --yes). Without a terminal, --yes is needed.
exit codes: 0 done and observed, 1 failed and undone, 2 usage, 3 refused by a guard, 4 node unreachable,
5 outcome unknown (look now), 130 interrupted and undone.
"""
DESCRIPTION = """\
{verb} one unit of the profile on one node. Guards are asked first; the effect is observed, not believed;
what was stopped by mistake or by a cut connection is started again by the node itself.
"""
SWITCHOVER_DESCRIPTION = """\
Moves the VIP to the standby with the smallest gap VRRP allows: the standby's priority is raised to 254, so
that it takes over 8 ms after the owner's farewell; then the owner comes back as standby and the priority
goes down again. Where keepalived has no track file for that, the plain way is taken, and said.
"""


def add_parser(subparsers: Subparsers) -> None:
    for verb, text in VERBS.items():
        description = DESCRIPTION.format(verb=verb.capitalize())
        parser = add_verb(subparsers, verb, text, description=description, epilog=EPILOG)
        add_guarded_options(parser)
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
        parser.set_defaults(handler=run, rolling=False, drain=False)
    parser = add_verb(
        subparsers,
        "switchover",
        "move the VIP to the other node",
        description=SWITCHOVER_DESCRIPTION,
        epilog=EPILOG,
    )
    add_guarded_options(parser)
    parser.add_argument("--to", metavar="NODE", help="who shall own the VIP (default: the best standby)")
    parser.add_argument("--instance", metavar="NAME", help="the VRRP instance (default: the first)")
    parser.add_argument("--plain", action="store_true", help="do not raise the priority: a gap of its skew time")
    parser.set_defaults(handler=switchover)


def run(args: argparse.Namespace) -> int:
    from iamops.plan.action import RollingRestart, ServiceAction, UnitVerb

    unit = args.unit.removesuffix(".service")
    if args.rolling == (args.node is not None):
        raise CliError("name a node, or --rolling for all of them")
    if args.drain and not args.rolling:
        raise CliError("--drain goes with --rolling")
    if args.rolling:
        return _act(RollingRestart(unit), args)
    return _act(ServiceAction(UnitVerb(args.command), unit, args.node), args)


def switchover(args: argparse.Namespace) -> int:
    from iamops.plan.action import Switchover

    return _act(Switchover(args.to, args.instance, args.plain), args)


def _act(action: Action, args: argparse.Namespace) -> int:
    """Carries an action out and returns the exit code. Raises NoSuchTarget."""
    from iamops.plan.action import RollingRestart
    from iamops.session.profiles import load_profile

    profile = load_profile(args.profile)
    action.check(profile)
    refuse_at_once(args)
    if isinstance(action, RollingRestart) and args.drain:
        from iamops.cli.config.run import DrainedRestartSession

        return DrainedRestartSession(profile, action.unit, args).run()
    from iamops.cli.acting import ActingSession

    return ActingSession(profile, action, args).run()
