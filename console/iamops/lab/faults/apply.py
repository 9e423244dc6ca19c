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
    """A fault that was applied."""

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


def apply(bench: FaultContext, name: str, node: str | None, unit: str | None) -> ActiveFault:
    """Applies a fault; a name of healing heals. One that fails is taken back. Raises LabError."""
    kind, healing = catalogue.find(name)
    if healing:
        return heal(bench, kind.name, node, unit)
    aim = _aim(bench, kind, node, unit)
    _check_power(bench, kind, node)
    applied = ActiveFault(kind.name, node, unit)
    # Noted first: if we are killed half-way, the half must be healed too.
    add(bench.paths.active_faults, applied)
    try:
        kind.apply(bench, aim)
    except LabError:
        with contextlib.suppress(LabError):
            kind.heal(bench, aim)
        _forget(bench.paths, kind, applied)
        raise
    return applied


def heal(bench: FaultContext, name: str, node: str | None, unit: str | None) -> ActiveFault:
    """Undoes a fault, noted or not. Raises LabError."""
    kind, _ = catalogue.find(name)
    aim = _aim(bench, kind, node, unit)
    healed = ActiveFault(kind.name, node, unit)
    _check_power(bench, kind, node)
    kind.heal(bench, aim)
    _forget(bench.paths, kind, healed)
    return healed


def heal_all(bench: FaultContext) -> tuple[ActiveFault, ...]:
    """Undoes every noted fault: power first, then the latest first. Raises the first failure at the end."""
    applied = read(bench.paths.active_faults)
    powerless = [fault for fault in applied if fault.name in catalogue.POWERLESS]
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


def forget_powered_up(place: LabPaths, node: str) -> None:
    """A node that boots has left behind what did not touch its disk."""
    remove(
        place.active_faults,
        lambda fault: fault.node == node and catalogue.CATALOGUE[fault.name].ends_with_power,
    )


def _aim(bench: FaultContext, kind: LabFault, node: str | None, unit: str | None) -> FaultTarget:
    if node is not None:
        bench.node(node)
    return catalogue.target(kind, node, unit)


def _check_power(bench: FaultContext, kind: LabFault, node: str | None) -> None:
    """Nothing but its power can be broken or healed on a machine that is off. Raises LabNotUp."""
    if node is not None and kind.name != POWER_OFF and bench.node(node).power() is Power.OFF:
        raise LabNotUp(f"{node} is off", f"iamops lab up, or iamops lab fault power-on {node}")


def _forget(place: LabPaths, kind: LabFault, healed: ActiveFault) -> None:
    """The fault is over, and so are others that are healed in the same way at the same place."""
    same = {fault.name for fault in catalogue.CATALOGUE.values() if fault.heal_name == kind.heal_name}
    where = (healed.node, healed.unit)
    remove(place.active_faults, lambda fault: fault.name in same and (fault.node, fault.unit) == where)
