"""`iamops lab`: builds and breaks two real nodes on this machine."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from iamops.cli.options import Subparsers
from iamops.cli.output import CliError, print_lines
from iamops.model.exit_code import ExitCode
from iamops.report.text import json_text

if TYPE_CHECKING:
    from iamops.lab.lab import Lab
    from iamops.lab.status import LabStatus
    from iamops.model.profile import Profile


DESCRIPTION = """\
Real Debian nodes in systemd-nspawn containers on this machine, joined by closed network namespaces:
nothing outside can reach them, and they can reach nothing outside. Needs Linux and root.
"""


def add_parser(subparsers: Subparsers) -> None:
    lab = subparsers.add_parser("lab", help="build and break a real two-node lab", description=DESCRIPTION)
    verbs = lab.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True)
    verbs.add_parser("up", help="boot the nodes and prove that the VIP answers; safe to repeat")
    down = verbs.add_parser("down", help="shut the nodes down; their disks stay for the next up")
    down.add_argument("--purge", action="store_true", help="delete the disks, the keys and the image too")
    verbs.add_parser("reset", help="throw the nodes away and boot fresh ones")
    status = verbs.add_parser("status", help="what runs, and who holds the VIP (1: the lab is not whole)")
    status.add_argument("--json", action="store_true", help="one JSON document on stdout")
    execute = verbs.add_parser(
        "exec",
        help="run a command as root on a node, with its exit code",
        usage="iamops lab exec NODE -- COMMAND [ARGUMENT ...]",
    )
    execute.add_argument("node", metavar="NODE")
    execute.add_argument("argv", metavar="COMMAND", nargs=argparse.REMAINDER)
    fault = verbs.add_parser("fault", help="break something for real, or heal it")
    fault.add_argument("name", metavar="NAME", nargs="?", help="a fault, see --list")
    fault.add_argument("node", metavar="NODE", nargs="?")
    fault.add_argument("unit", metavar="UNIT", nargs="?")
    how = fault.add_mutually_exclusive_group()
    how.add_argument("--list", action="store_true", help="every fault in one sentence")
    how.add_argument("--heal", action="store_true", help="undo the fault instead")
    how.add_argument("--heal-all", action="store_true", help="undo every fault that was applied")
    lab.set_defaults(handler=run)


def run(args: argparse.Namespace) -> int:
    from iamops.lab.lab import Lab
    from iamops.session.profiles import load_profile

    lab = Lab(load_profile(args.profile or "lab"))
    return _explained(lambda: VERBS[args.verb](lab, args))


def up(profile: Profile) -> int:
    """Brings the lab up with progress on stderr; returns the exit code."""
    from iamops.lab.lab import Lab

    return _explained(lambda: _up(Lab(profile), None))


def _explained(work: Callable[[], int]) -> int:
    """Raises CliError for what the lab says."""
    from iamops.lab import processes

    try:
        return work()
    except processes.LabError as error:
        match error:
            case processes.LabImpossible() | processes.UnknownFault() | processes.UnknownNode():
                code = ExitCode.USAGE
            case processes.LabBusy():
                code = ExitCode.REFUSED
            case processes.LabNotUp():
                code = ExitCode.UNREACHABLE
            case _:
                code = ExitCode.CHECK_FAILED
        raise CliError(f"{error}\nnext: {error.next_step}", code) from error


def _up(lab: Lab, _: argparse.Namespace | None) -> int:
    print(lab.up(_tell).sentence)
    return ExitCode.OK


def _down(lab: Lab, args: argparse.Namespace) -> int:
    (lab.purge if args.purge else lab.down)(_tell)
    return ExitCode.OK


def _reset(lab: Lab, _: argparse.Namespace) -> int:
    print(lab.reset(_tell).sentence)
    return ExitCode.OK


def _status(lab: Lab, args: argparse.Namespace) -> int:
    from iamops.lab.requirements import check_machine
    from iamops.lab.status import document

    check_machine()
    status = lab.status()
    if args.json:
        print(json_text(document(status, lab.profile.name)))
    else:
        print_lines(_status_lines(status))
    return ExitCode.OK if status.up else ExitCode.CHECK_FAILED


def _status_lines(status: LabStatus) -> list[str]:
    lines = [f"VIP {status.vip}  {' and '.join(status.owners) or 'on no node'}"]
    for name, node in status.nodes.items():
        cable = "" if node.cable or node.power == "off" else "  cable unplugged"
        lines.append(f"{name}  power {node.power}{cable}  {' '.join(node.addresses)}".rstrip())
        lines += [f"  {unit.name:<20} {unit.active} ({unit.sub})" for unit in node.units or ()]
    lines += [f"fault  {fault}" for fault in status.faults]
    return lines


def _exec(lab: Lab, args: argparse.Namespace) -> int:
    """Becomes the command: its streams, its signals and its exit code are the caller's."""
    from iamops.lab.requirements import check_machine

    argv = args.argv[1:] if args.argv[:1] == ["--"] else args.argv
    if not argv:
        _tell("usage: iamops lab exec NODE -- COMMAND [ARGUMENT ...]")
        return ExitCode.USAGE
    check_machine()
    command = lab.exec_command(args.node, argv)
    return os.execvp(command[0], command)  # noqa: S606 - an argv list; no shell is meant


def _fault(lab: Lab, args: argparse.Namespace) -> int:
    from iamops.lab.faults.catalogue import CATALOGUE
    from iamops.lab.requirements import check_machine

    if args.list:
        for fault in CATALOGUE.values():
            print(f"{fault.name} {fault.scope}".rstrip())
            print(f"    {fault.summary} Healed by {fault.heal_name}.")
        return ExitCode.OK
    check_machine()
    if args.heal_all:
        healed = lab.heal_all()
        print_lines([f"healed: {fault.sentence}" for fault in healed] or ["no fault is applied"])
        return ExitCode.OK
    if args.name is None:
        _tell("usage: iamops lab fault NAME [NODE] [UNIT]; `iamops lab fault --list` shows the names")
        return ExitCode.USAGE
    change = lab.heal if args.heal else lab.fault
    done = change(args.name, args.node, args.unit)
    print(f"{'healed' if args.heal or done.name != args.name else 'applied'}: {done.sentence}")
    return ExitCode.OK


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


VERBS: dict[str, Callable[..., int]] = {
    "up": _up,
    "down": _down,
    "reset": _reset,
    "status": _status,
    "exec": _exec,
    "fault": _fault,
}
