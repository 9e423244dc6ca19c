"""Looks into the nodes: power, addresses, units, and the VRRP states in their journals."""

from __future__ import annotations

import re
from collections.abc import Mapping

from console.lab import datastores, network
from console.lab.errors import LabError
from console.lab.node import LabNode, Power
from console.lab.status import NodeStatus, UnitLine, parse_units

UNITS_TIMEOUT_S = 5.0
ENTERED = re.compile(r"^\((?P<instance>[^)]+)\) Entering (?P<state>[A-Z]+) STATE", re.MULTILINE)


def node_status(node: LabNode) -> NodeStatus:
    """What is to be seen of a node now."""
    power = node.power()
    return NodeStatus(
        power=power.value,
        pid=node.init_pid(),
        cable=network.cable_plugged(node.name, node.place),
        addresses=network.addresses(node.name, node.place),
        units=_units(node) if power is Power.ON else None,
    )


def keepalived_is_active(node: LabNode) -> bool:
    unit = node.profile.keepalived.unit
    return node.exec(["systemctl", "is-active", "--quiet", unit]).returncode == 0


def vrrp_states(node: LabNode) -> Mapping[str, str]:
    """The state of each VRRP instance since the node's boot."""
    unit = node.profile.keepalived.unit
    journal = node.exec(["journalctl", "-b", "-u", unit, "-o", "cat", "--no-pager"])
    return last_states(journal.stdout.decode("utf-8", "replace"))


def last_states(journal: str) -> Mapping[str, str]:
    """The state each VRRP instance entered last, from keepalived's journal (messages only)."""
    return {found["instance"]: found["state"] for found in ENTERED.finditer(journal)}


def _units(node: LabNode) -> tuple[UnitLine, ...] | None:
    stores = datastores.on_node(node.profile, node.name)
    names = list(dict.fromkeys(["ssh", *node.profile.units_on(node.name), *map(datastores.unit_of, stores)]))
    show = ["systemctl", "show", "-p", "Id", "-p", "ActiveState", "-p", "SubState", "--", *names]
    try:
        answer = node.exec(show, timeout_s=UNITS_TIMEOUT_S)
    except LabError:
        return None
    return parse_units(answer.stdout.decode("utf-8", "replace"))
