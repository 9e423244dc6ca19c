"""Applies and heals faults, and keeps account of them. The caller holds the lab's lock."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from iamops.lab.faults import catalogue
from iamops.lab.faults.catalogue import POWER_OFF, LabFault
from iamops.lab.faults.context import FaultContext, FaultTarget
from iamops.lab.node import Power
from iamops.lab.place import LabPaths
from iamops.lab.processes import LabError, LabNotUp

# Remembers which faults are applied and not healed, so that `status` can say so and all can be healed.


@dataclass(frozen=True, slots=True)
class ActiveFault:
    name: str
    node: str | None = None
    unit: str | None = None

    @property
    def sentence(self) -> str:
        return " ".join(word for word in (self.name, self.node, self.unit) if word)


def read(path: Path) -> tuple[ActiveFault, ...]:
    """The applied faults, oldest first. No file: none."""
    if not path.exists():
        return ()
    return tuple(ActiveFault(**entry) for entry in json.loads(path.read_text(encoding="utf-8")))


def add(path: Path, fault: ActiveFault) -> None:
    _write(path, [*(other for other in read(path) if other != fault), fault])


def remove(path: Path, is_over: Callable[[ActiveFault], bool]) -> None:
    _write(path, [fault for fault in read(path) if not is_over(fault)])


def clear(path: Path) -> None:
    path.unlink(missing_ok=True)


def _write(path: Path, faults: Iterable[ActiveFault]) -> None:
    entries = [{"name": fault.name, "node": fault.node, "unit": fault.unit} for fault in faults]
    scratch = path.with_suffix(".new")
    scratch.write_text(json.dumps(entries), encoding="utf-8")
    scratch.replace(path)


def apply(lab: FaultContext, name: str, node: str | None, unit: str | None) -> ActiveFault:
    """Applies a fault; a name of healing heals. One that fails is taken back. Raises LabError."""
    fault, healing = catalogue.find(name)
    if healing:
        return heal(lab, fault.name, node, unit)
    target = _target(lab, fault, node, unit)
    applied = ActiveFault(fault.name, node, unit)
    # Noted first: if we are killed half-way, the half must be healed too.
    add(lab.paths.active_faults, applied)
    try:
        fault.apply(lab, target)
    except LabError:
        with contextlib.suppress(LabError):
            fault.heal(lab, target)
        _forget(lab.paths, fault, target)
        raise
    return applied


def heal(lab: FaultContext, name: str, node: str | None, unit: str | None) -> ActiveFault:
    """Undoes a fault, noted or not. Raises LabError."""
    fault, _ = catalogue.find(name)
    target = _target(lab, fault, node, unit)
    fault.heal(lab, target)
    _forget(lab.paths, fault, target)
    return ActiveFault(fault.name, node, unit)


def heal_all(lab: FaultContext) -> tuple[ActiveFault, ...]:
    """Undoes every noted fault: power first, then the latest first. Raises the first failure at the end."""
    applied = read(lab.paths.active_faults)
    powerless = [fault for fault in applied if fault.name in catalogue.POWERLESS]
    order = [*powerless, *(fault for fault in reversed(applied) if fault not in powerless)]
    failures = []
    for fault in order:
        try:
            heal(lab, fault.name, fault.node, fault.unit)
        except LabError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return tuple(order)


def forget_powered_up(paths: LabPaths, node: str) -> None:
    """A node that boots has left behind what did not touch its disk."""
    remove(
        paths.active_faults,
        lambda fault: fault.node == node and catalogue.CATALOGUE[fault.name].ends_with_power,
    )


def _target(lab: FaultContext, fault: LabFault, node: str | None, unit: str | None) -> FaultTarget:
    """Nothing but its power can be broken or healed on a machine that is off. Raises LabNotUp."""
    known = None if node is None else lab.node(node)
    target = catalogue.target(fault, node, unit)
    if known is not None and fault.name != POWER_OFF and known.power() is Power.OFF:
        raise LabNotUp(f"{node} is off", f"iamops lab up, or iamops lab fault power-on {node}")
    return target


def _forget(paths: LabPaths, fault: LabFault, target: FaultTarget) -> None:
    """The fault is over, and so are others that are healed in the same way at the same place."""
    same = {other.name for other in catalogue.CATALOGUE.values() if other.heal_name == fault.heal_name}
    where = (target.node, target.unit)
    remove(paths.active_faults, lambda active: active.name in same and (active.node, active.unit) == where)
