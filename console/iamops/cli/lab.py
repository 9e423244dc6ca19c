"""`iamops lab`: builds and breaks two real nodes on this machine."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from iamops.cli.options import Subparsers
from iamops.cli.output import CliError, print_lines
from iamops.model.exit_code import ExitCode
from iamops.report.text import json_text

if TYPE_CHECKING:
    from iamops.lab.lab import Lab
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
    with _errors_explained():
        match args.verb:
            case "up":
                print(lab.up(_tell).sentence)
            case "down":
                (lab.purge if args.purge else lab.down)(_tell)
            case "reset":
                print(lab.reset(_tell).sentence)
            case "status":
                return _status(lab, args)
            case "exec":
                return _exec(lab, args)
            case _:
                return _fault(lab, args)
    return ExitCode.OK


def up(profile: Profile) -> None:
    """Brings the lab up with progress on stderr. Raises CliError."""
    from iamops.lab.lab import Lab

    with _errors_explained():
        print(Lab(profile).up(_tell).sentence)


@contextlib.contextmanager
def _errors_explained() -> Iterator[None]:
    from iamops.lab import processes

    try:
        yield
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


def _status(lab: Lab, args: argparse.Namespace) -> int:
    from iamops.lab.processes import check_machine
    from iamops.lab.status import document

    check_machine()
    status = lab.status()
    code = ExitCode.OK if status.up else ExitCode.CHECK_FAILED
    if args.json:
        print(json_text(document(status, lab.profile.name)))
        return code
    lines = [f"VIP {status.vip}  {' and '.join(status.owners) or 'on no node'}"]
    for name, node in status.nodes.items():
        cable = "" if node.cable or node.power == "off" else "  cable unplugged"
        lines.append(f"{name}  power {node.power}{cable}  {' '.join(node.addresses)}".rstrip())
        lines += [f"  {unit.name:<20} {unit.active} ({unit.sub})" for unit in node.units or ()]
    print_lines([*lines, *(f"fault  {fault}" for fault in status.faults)])
    return code


def _exec(lab: Lab, args: argparse.Namespace) -> int:
    """Becomes the command: its streams, its signals and its exit code are the caller's."""
    from iamops.lab.processes import check_machine

    argv = args.argv[1:] if args.argv[:1] == ["--"] else args.argv
    if not argv:
        _tell("usage: iamops lab exec NODE -- COMMAND [ARGUMENT ...]")
        return ExitCode.USAGE
    check_machine()
    command = lab.exec_command(args.node, argv)
    return os.execvp(command[0], command)  # noqa: S606 - an argv list; no shell is meant


def _fault(lab: Lab, args: argparse.Namespace) -> int:
    from iamops.lab.faults.catalogue import CATALOGUE
    from iamops.lab.processes import check_machine

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
