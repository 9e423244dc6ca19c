"""Applies and heals faults, and keeps account of them. The caller holds the lab's lock."""

from __future__ import annotations

import contextlib

from console.lab import active, faults
from console.lab.active import ActiveFault
from console.lab.bench import Aim, Bench
from console.lab.errors import LabError, LabNotUp
from console.lab.faults import POWER_OFF, Fault
from console.lab.node import Power
from console.lab.place import Place


def apply(bench: Bench, name: str, node: str | None, unit: str | None) -> ActiveFault:
    """Applies a fault; a name of healing heals. One that fails is taken back. Raises LabError."""
    kind, healing = faults.find(name)
    if healing:
        return heal(bench, kind.name, node, unit)
    aim = _aim(bench, kind, node, unit)
    _check_power(bench, kind, node)
    applied = ActiveFault(kind.name, node, unit)
    # Noted first: if we are killed half-way, the half must be healed too.
    active.add(bench.place.active_faults, applied)
    try:
        kind.apply(bench, aim)
    except LabError:
        with contextlib.suppress(LabError):
            kind.heal(bench, aim)
        _forget(bench.place, kind, applied)
        raise
    return applied


def heal(bench: Bench, name: str, node: str | None, unit: str | None) -> ActiveFault:
    """Undoes a fault, noted or not. Raises LabError."""
    kind, _ = faults.find(name)
    aim = _aim(bench, kind, node, unit)
    healed = ActiveFault(kind.name, node, unit)
    _check_power(bench, kind, node)
    kind.heal(bench, aim)
    _forget(bench.place, kind, healed)
    return healed


def heal_all(bench: Bench) -> tuple[ActiveFault, ...]:
    """Undoes every noted fault: power first, then the latest first. Raises the first failure at the end."""
    applied = active.read(bench.place.active_faults)
    powerless = [fault for fault in applied if fault.name in faults.POWERLESS]
    order = [*powerless, *(fault for fault in reversed(applied) if fault not in powerless)]
    failures = []
    for fault in order:
        try:
            heal(bench, fault.name, fault.node, fault.unit)
        except LabError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return tuple(order)


def forget_powered_up(place: Place, node: str) -> None:
    """A node that boots has left behind what did not touch its disk."""
    active.remove(
        place.active_faults,
        lambda fault: fault.node == node and faults.CATALOGUE[fault.name].ends_with_power,
    )


def _aim(bench: Bench, kind: Fault, node: str | None, unit: str | None) -> Aim:
    if node is not None:
        bench.node(node)
    return faults.aim(kind, node, unit)


def _check_power(bench: Bench, kind: Fault, node: str | None) -> None:
    """Nothing but its power can be broken or healed on a machine that is off. Raises LabNotUp."""
    if node is not None and kind.name != POWER_OFF and bench.node(node).power() is Power.OFF:
        raise LabNotUp(f"{node} is off", f"iamops lab up, or iamops lab fault power-on {node}")


def _forget(place: Place, kind: Fault, healed: ActiveFault) -> None:
    """The fault is over, and so are others that are healed in the same way at the same place."""
    same = {fault.name for fault in faults.CATALOGUE.values() if fault.heal_name == kind.heal_name}
    where = (healed.node, healed.unit)
    active.remove(place.active_faults, lambda fault: fault.name in same and (fault.node, fault.unit) == where)
