"""What the lab shows of itself: its status with its JSON, and whether it is ready."""

from __future__ import annotations

import http.client
import re
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from iamops.lab import network, provision
from iamops.lab.network import inside
from iamops.lab.node import LabNode, Power
from iamops.lab.place import LabPaths
from iamops.lab.processes import LabError, LabNotUp, NotReady, wait_until
from iamops.model.profile import Node, Profile

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
    return {
        "schema": SCHEMA,
        "profile": profile,
        "up": status.up,
        "vip": {"address": status.vip, "owners": list(status.owners)},
        "nodes": {name: _node(node) for name, node in status.nodes.items()},
        "faults": list(status.faults),
    }


def _node(node: NodeStatus) -> dict[str, Any]:
    units = None
    if node.units is not None:
        units = {unit.name: {"active": unit.active, "sub": unit.sub} for unit in node.units}
    return {
        "power": node.power,
        "pid": node.pid,
        "cable": node.cable,
        "addresses": list(node.addresses),
        "units": units,
    }


# Inspects the nodes: power, addresses, units, and the VRRP states in their journals.

UNITS_TIMEOUT_S = 5.0
ENTERED = re.compile(r"^\((?P<instance>[^)]+)\) Entering (?P<state>[A-Z]+) STATE", re.MULTILINE)


def node_status(node: LabNode) -> NodeStatus:
    power = node.power()
    return NodeStatus(
        power=power.value,
        pid=node.init_pid(),
        cable=network.cable_plugged(node.name, node.paths),
        addresses=network.addresses(node.name, node.paths),
        units=_units(node) if power is Power.ON else None,
    )


def keepalived_is_active(node: LabNode) -> bool:
    unit = node.profile.keepalived.unit
    return node.exec(["systemctl", "is-active", "--quiet", unit]).returncode == 0


def vrrp_states(node: LabNode) -> Mapping[str, str]:
    unit = node.profile.keepalived.unit
    journal = node.exec(["journalctl", "-b", "-u", unit, "-o", "cat", "--no-pager"])
    return last_states(journal.stdout.decode("utf-8", "replace"))


def last_states(journal: str) -> Mapping[str, str]:
    """The state each VRRP instance entered last, from keepalived's journal (messages only)."""
    return {found["instance"]: found["state"] for found in ENTERED.finditer(journal)}


def _units(node: LabNode) -> tuple[UnitLine, ...] | None:
    stores = provision.on_node(node.profile, node.name)
    names = list(dict.fromkeys(["ssh", *node.profile.units_on(node.name), *map(provision.unit_of, stores)]))
    show = ["systemctl", "show", "-p", "Id", "-p", "ActiveState", "-p", "SubState", "--", *names]
    try:
        answer = node.exec(show, timeout_s=UNITS_TIMEOUT_S)
    except LabError:
        return None
    return parse_units(answer.stdout.decode("utf-8", "replace"))


# Readiness: the VIP answers the operator, one node holds it, keepalived agrees.

# Longer than the second nginx may give a backend that has gone.
PROBE_TIMEOUT_S = 2.5
RETRY_S = 0.1


@dataclass(frozen=True, slots=True)
class Readiness:
    """What an operator sees. `status`: HTTP status at the VIP, None if nothing answered (`why` says why)."""

    vip: str
    owners: tuple[str, ...]
    status: int | None
    why: str = ""
    ssh: Mapping[str, bool] | None = None

    @property
    def holds(self) -> bool:
        return self.status == HTTPStatus.OK and len(self.owners) == 1 and all((self.ssh or {}).values())

    @property
    def sentence(self) -> str:
        no_ssh = [node for node, answers in (self.ssh or {}).items() if not answers]
        if len(self.owners) != 1:
            return f"VIP {self.vip} is on {' and '.join(self.owners) or 'no node'}"
        if self.status != HTTPStatus.OK:
            return f"VIP {self.vip} is on {self.owners[0]}, but does not answer: {self.why}"
        if no_ssh:
            return f"no SSH greeting from {', '.join(no_ssh)}"
        return f"VIP {self.vip} answers 200 from {self.owners[0]}"


def readiness(profile: Profile, paths: LabPaths) -> Readiness:
    """Asked once, from the operator's namespace and of the nodes' kernels."""
    instance = profile.instance
    owners = tuple(node for node in profile.nodes if instance.address in network.addresses(node, paths))

    def ask() -> tuple[int | None, str, dict[str, bool]]:
        # The first published health check at the VIP.
        service = next((s for s in profile.services.values() if s.domain), None)
        path, host = (service.health, service.domain) if service else ("/", None)
        status, why = _get(instance.address, profile.nginx.port, path, host)
        return status, why, {name: _ask_ssh(profile, node) for name, node in profile.nodes.items()}

    try:
        status, why, ssh = inside(paths.operator_namespace, ask)
    except LabNotUp as error:
        return Readiness(instance.address, owners, None, error.reason)
    return Readiness(instance.address, owners, status, why, ssh)


def until_ready(profile: Profile, paths: LabPaths, *, wait_s: float) -> Readiness:
    """Raises NotReady, with what is missing, unless everything is as it should be in time."""
    deadline = time.monotonic() + wait_s
    while not (ready := readiness(profile, paths)).holds:
        if time.monotonic() >= deadline:
            raise NotReady(f"after {wait_s:g} s: {ready.sentence}", "iamops lab status")
        time.sleep(RETRY_S)
    return ready


def until_agreed(nodes: Sequence[LabNode], *, wait_s: float) -> None:
    """Raises NotReady unless, in time, every instance has one MASTER and else BACKUPs."""

    def wrong() -> list[str]:
        states = {node.name: vrrp_states(node) for node in nodes}
        found = (disagreement(states, instance) for instance in nodes[0].profile.vrrp)
        return [sentence for sentence in found if sentence]

    if not wait_until(lambda: not wrong(), wait_s=wait_s, every_s=0.2):
        raise NotReady(f"keepalived does not agree: {'; '.join(wrong())}", "iamops lab status")


def until_served(profile: Profile, paths: LabPaths, *, wait_s: float) -> None:
    """Raises NotReady unless, in time, every service answers at its own port."""
    if not wait_until(lambda: not unserved(profile, paths), wait_s=wait_s):
        raise NotReady(f"no answer from {', '.join(unserved(profile, paths))}", "iamops lab status")


def unserved(profile: Profile, paths: LabPaths) -> tuple[str, ...]:
    """The IAM services that do not answer their health check at their own port, as `name on node`."""

    def ask() -> tuple[str, ...]:
        return tuple(
            f"{service.name} on {node.name}"
            for service in profile.services.values()
            for node in profile.nodes.values()
            if service.runs_on(node.name) and _get(node.address, service.port, service.health)[0] != HTTPStatus.OK
        )

    return inside(paths.operator_namespace, ask)


def disagreement(states: Mapping[str, Mapping[str, str]], instance: str) -> str | None:
    """Why the nodes' states of an instance are not one MASTER and else BACKUPs; None: they are."""
    of_instance = {node: own.get(instance, "no state") for node, own in states.items()}
    if sorted(of_instance.values()) == ["BACKUP"] * (len(of_instance) - 1) + ["MASTER"]:
        return None
    return f"{instance}: " + ", ".join(f"{node} {state}" for node, state in of_instance.items())


def _get(address: str, port: int, path: str, host: str | None = None) -> tuple[int | None, str]:
    """The status, or None with the reason. Runs inside a namespace that reaches the address."""
    connection = http.client.HTTPConnection(address, port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"Host": host or address})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return None, str(error) or type(error).__name__
    finally:
        connection.close()
    return status, f"HTTP {status}"


def _ask_ssh(profile: Profile, node: Node) -> bool:
    """Whether a node's sshd greets. Runs inside the operator's namespace."""
    where = (node.address, profile.ssh_of(node).port or 22)
    try:
        with socket.create_connection(where, timeout=PROBE_TIMEOUT_S) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
