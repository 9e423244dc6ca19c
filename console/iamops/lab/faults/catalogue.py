"""The catalogue of faults: each breaks the lab for real, and knows how to heal it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from iamops.lab import provision
from iamops.lab.faults import services
from iamops.lab.faults.context import Change, FaultContext, FaultTarget, systemctl
from iamops.lab.faults.services import HANG, KILL, SSHD_UNIT, START, STOP, WAKE
from iamops.lab.keys import CertificateFault
from iamops.lab.network import set_cable
from iamops.lab.processes import UnknownFault

SSH_TABLE, VRRP_TABLE = "lab_ssh", "lab_vrrp"
SSH_PORT = 22
VRRP_PROTOCOL = 112


def firewall(table: str, incoming: str = "", outgoing: str = "") -> Change:
    """On the node, or on all; without rules it is taken away. Its table is our own: no other rule is touched."""
    rules = f"table ip {table}\ndelete table ip {table}\n"
    if incoming:
        rules += f"""\
table ip {table} {{
    chain input {{ type filter hook input priority -10; {incoming}; }}
    chain output {{ type filter hook output priority -10; {outgoing}; }}
}}
"""

    def change(lab: FaultContext, target: FaultTarget) -> None:
        for node in lab.profile.nodes if target.node is None else (target.node,):
            lab.must(node, ["nft", "-f", "-"], stdin=rules)

    return change


block_ssh = firewall(SSH_TABLE, f"tcp dport {SSH_PORT} drop", f"tcp sport {SSH_PORT} drop")
unblock_ssh = firewall(SSH_TABLE)
drop_vrrp = firewall(VRRP_TABLE, f"ip protocol {VRRP_PROTOCOL} drop", f"ip protocol {VRRP_PROTOCOL} drop")
pass_vrrp = firewall(VRRP_TABLE)


def vip_by_hand(*, held: bool) -> Change:
    def change(lab: FaultContext, target: FaultTarget) -> None:
        vip = lab.profile.instance.vip
        where = [vip if "/" in vip else f"{vip}/32", "dev", lab.profile.nodes[target.at].interface]
        lab.must(target.at, ["ip", "address", *(["replace"] if held else ["flush", "to"]), *where])
        if not held:
            # keepalived's own claim was taken away too: restarted, it sets what it means.
            systemctl(lab, target.at, "restart", lab.profile.keepalived.unit)

    return change


class FaultScope(StrEnum):
    NODE = "NODE"
    UNIT = "NODE UNIT"
    NODE_OR_ALL = "[NODE]"
    CLUSTER = ""


@dataclass(frozen=True, slots=True)
class LabFault:
    """One way to break the lab. `ends_with_power`: booting the node heals it."""

    name: str
    scope: FaultScope
    apply: Change
    heal: Change
    heal_name: str
    summary: str
    ends_with_power: bool = True


POWER_OFF = "power-off"
_AS_IT_WAS = services.configured()
_FAULTS = (
    LabFault("stop-unit", FaultScope.UNIT, services.unit(STOP), services.unit(START), "start-unit",
             "A unit is stopped in order."),
    LabFault("kill-unit", FaultScope.UNIT, services.unit(KILL), services.unit(START), "start-unit",
             "Every process of a unit dies by SIGKILL; keepalived leaves its address behind."),
    LabFault("hang-unit", FaultScope.UNIT, services.unit(HANG), services.unit(WAKE), "wake-unit",
             "Every process of a unit stops (SIGSTOP): the kernel accepts connections, nothing answers."),
    LabFault("nginx-hang", FaultScope.NODE,
             lambda lab, target: systemctl(lab, target.at, *HANG, lab.profile.nginx.unit),
             lambda lab, target: systemctl(lab, target.at, *WAKE, lab.profile.nginx.unit), "nginx-wake",
             "nginx hangs: TCP accepts, HTTP does not answer."),
    LabFault("sshd-hang", FaultScope.NODE, lambda lab, target: systemctl(lab, target.at, *HANG, SSHD_UNIT),
             lambda lab, target: systemctl(lab, target.at, *WAKE, SSHD_UNIT), "sshd-wake",
             "sshd and all its sessions hang; open connections stay open and say nothing."),
    LabFault("ssh-blocked", FaultScope.NODE, block_ssh, unblock_ssh, "ssh-open",
             "A firewall drops SSH without a word; the node goes on serving."),
    LabFault(POWER_OFF, FaultScope.NODE, lambda lab, target: lab.node(target.at).cut_power(),
             lambda lab, target: lab.power_on(target.at), "power-on",
             "The plug is pulled: every process is gone at once, and so is the machine."),
    LabFault("freeze", FaultScope.NODE, lambda lab, target: lab.node(target.at).freeze(frozen=True),
             lambda lab, target: lab.node(target.at).freeze(frozen=False), "thaw",
             "The whole machine stands still, and later goes on as if nothing had been."),
    LabFault("cable", FaultScope.NODE, lambda lab, target: set_cable(target.at, lab.paths, plugged=False),
             lambda lab, target: set_cable(target.at, lab.paths, plugged=True), "plug",
             "The network cable is out: the interface has no carrier."),
    LabFault("vrrp-drop", FaultScope.CLUSTER, drop_vrrp, pass_vrrp, "vrrp-pass",
             "Firewalls drop VRRP (protocol 112) on every node: two masters, a split brain."),
    LabFault("vip-astray", FaultScope.NODE, vip_by_hand(held=True), vip_by_hand(held=False),
             "vip-tidy", "The VIP is added to a node by hand, whatever keepalived says."),
    LabFault("vip-denied", FaultScope.NODE, services.keepalived_vip(allowed=False),
             services.keepalived_vip(allowed=True), "vip-allowed",
             "keepalived may no longer set addresses: it becomes MASTER, and has no VIP.", ends_with_power=False),
    LabFault("db-grant-revoked", FaultScope.NODE_OR_ALL, services.grants(provision.revoke),
             services.grants(provision.grant), "db-grant-restored",
             "MariaDB no longer knows the other nodes: error 1130, host not allowed.",
             ends_with_power=False),
    LabFault("backend-loopback", FaultScope.UNIT, services.configured(bind="127.0.0.1"), _AS_IT_WAS,
             "backend-open",
             "An IAM service listens on 127.0.0.1 only: its own nginx reaches it, the peer's does not.",
             ends_with_power=False),
    # The service prints how it is used, on stderr, and ends; systemd restarts it every five seconds.
    LabFault("service-misconfigured", FaultScope.UNIT, services.configured(port="80a80"), _AS_IT_WAS,
             "service-configured", "A bad value stands in an IAM service's configuration: "
             "it ends at each start, and is started for ever.", ends_with_power=False),
    LabFault("request-dump", FaultScope.UNIT, services.configured(dump=True), _AS_IT_WAS, "request-dump-off",
             "An IAM service prints every request and answer to the journal, "
             "some 55 lines each, secrets in clear.",
             ends_with_power=False),
    LabFault("debug-log", FaultScope.UNIT, services.configured(debug=True), _AS_IT_WAS, "debug-log-off",
             "An IAM service logs at debug level: colour, and several lines a request, "
             "to its file and the journal.",
             ends_with_power=False),
    LabFault("certificate-expired", FaultScope.NODE, services.certificate(CertificateFault.EXPIRED),
             services.certificate(), "certificate-renewed",
             "The certificate of a node's IAM services has expired; all of them run on.", ends_with_power=False),
    LabFault("certificate-misnamed", FaultScope.NODE, services.certificate(CertificateFault.STRANGE_NAME),
             services.certificate(), "certificate-named",
             "The certificate of a node's IAM services is for another name.", ends_with_power=False),
    LabFault("certificate-strange", FaultScope.NODE, services.certificate(CertificateFault.STRANGE_CA),
             services.certificate(), "certificate-known",
             "The certificate of a node's IAM services is of a CA that nobody knows.", ends_with_power=False),
    LabFault("disk-full", FaultScope.NODE, services.fill_disk, services.empty_disk, "disk-free",
             "The node's disk has not one free block left.", ends_with_power=False),
    LabFault("config-drift", FaultScope.NODE, services.change_keepalived_config,
             services.restore_keepalived_config, "config-restored",
             "keepalived.conf on the disk is no longer the one that was rendered or loaded.",
             ends_with_power=False),
    LabFault("nginx-config-broken", FaultScope.NODE, services.break_nginx_config, services.restore_nginx_config,
             "nginx-config-restored",
             "The seed's missing semicolon lies on the disk: nginx runs on, and will not reload or start again.",
             ends_with_power=False),
)  # fmt: skip
# While one of these lasts, no command reaches the node: they are healed first.
POWERLESS = (POWER_OFF, "freeze")
CATALOGUE: Mapping[str, LabFault] = {fault.name: fault for fault in _FAULTS}


def find(name: str) -> tuple[LabFault, bool]:
    """The fault meant by its name, or by the name of its healing (then the second value is True).

    Raises UnknownFault with the nearest name.
    """
    if name in CATALOGUE:
        return CATALOGUE[name], False
    for fault in _FAULTS:
        if fault.heal_name == name:
            return fault, True
    names = [*CATALOGUE, *(fault.heal_name for fault in _FAULTS)]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else "`iamops lab fault --list` shows them all"
    raise UnknownFault(f"there is no fault {name!r}", hint)


def target(fault: LabFault, node: str | None, unit: str | None) -> FaultTarget:
    """Checks that what the fault needs is named, and nothing else. Raises UnknownFault."""
    needs_node = fault.scope in (FaultScope.NODE, FaultScope.UNIT)
    takes_node = fault.scope is not FaultScope.CLUSTER
    usage = f"iamops lab fault {fault.name} {fault.scope}".rstrip()
    if needs_node and node is None:
        raise UnknownFault(f"{fault.name} needs a node", usage)
    if not takes_node and node is not None:
        raise UnknownFault(f"{fault.name} is a fault of the whole cluster", usage)
    if (fault.scope is FaultScope.UNIT) != (unit is not None):
        needs = "needs a unit" if unit is None else "takes no unit"
        raise UnknownFault(f"{fault.name} {needs}", usage)
    return FaultTarget(node, unit)
