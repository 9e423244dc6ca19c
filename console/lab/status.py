"""What the lab shows of itself: values and their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SCHEMA = "iamops.lab-status/1"


@dataclass(frozen=True, slots=True)
class UnitLine:
    """A unit of a node: systemd's ActiveState and SubState."""

    name: str
    active: str
    sub: str


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One node. `pid` is its systemd as this machine counts; `cable` false: unplugged at the bridge.

    `units` None: they are not known, as the node does not run or did not answer.
    """

    power: str
    pid: int | None
    cable: bool
    addresses: tuple[str, ...] = ()
    units: tuple[UnitLine, ...] | None = None


@dataclass(frozen=True, slots=True)
class LabStatus:
    """The whole lab. `faults` are the ones applied and not healed."""

    vip: str
    owners: tuple[str, ...]
    nodes: Mapping[str, NodeStatus]
    faults: tuple[str, ...] = ()

    @property
    def up(self) -> bool:
        """Every node runs and one of them holds the VIP."""
        return len(self.owners) == 1 and all(node.power == "on" for node in self.nodes.values())


def parse_units(output: str) -> tuple[UnitLine, ...]:
    """Reads `systemctl show -p Id -p ActiveState -p SubState UNIT...`: a paragraph per unit."""
    lines = []
    for paragraph in output.strip().split("\n\n"):
        fields = dict(line.split("=", 1) for line in paragraph.splitlines() if "=" in line)
        if "Id" in fields:
            name = fields["Id"].removesuffix(".service")
            lines.append(UnitLine(name, fields.get("ActiveState", "?"), fields.get("SubState", "?")))
    return tuple(lines)


def document(status: LabStatus, profile: str) -> dict[str, Any]:
    """The JSON form."""
    return {
        "schema": SCHEMA,
        "profile": profile,
        "up": status.up,
        "vip": {"address": status.vip, "owners": list(status.owners)},
        "nodes": {name: _node(node) for name, node in status.nodes.items()},
        "faults": list(status.faults),
    }


def _node(node: NodeStatus) -> dict[str, Any]:
    return {
        "power": node.power,
        "pid": node.pid,
        "cable": node.cable,
        "addresses": list(node.addresses),
        "units": None if node.units is None else {unit.name: _unit(unit) for unit in node.units},
    }


def _unit(unit: UnitLine) -> dict[str, str]:
    return {"active": unit.active, "sub": unit.sub}
