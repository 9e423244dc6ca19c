"""The catalogue of faults: each breaks the lab for real, and knows how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from iamops.lab.faults import machine
from iamops.lab.faults import services as disk
from iamops.lab.faults import services as service
from iamops.lab.faults.context import FaultContext, FaultTarget
from iamops.lab.processes import UnknownFault


class FaultScope(StrEnum):
    """What has to be named for a fault."""

    NODE = "NODE"
    UNIT = "NODE UNIT"
    NODE_OR_ALL = "[NODE]"
    CLUSTER = ""


@dataclass(frozen=True, slots=True)
class LabFault:
    """One way to break the lab. `ends_with_power`: booting the node mends it."""

    name: str
    summary: str
    scope: FaultScope
    apply: Callable[[FaultContext, FaultTarget], None]
    heal: Callable[[FaultContext, FaultTarget], None]
    heal_name: str
    ends_with_power: bool = True


POWER_OFF = "power-off"
_FAULTS = (
    LabFault(
        "stop-unit",
        "A unit is stopped in order.",
        FaultScope.UNIT,
        service.stop_unit,
        service.start_unit,
        "start-unit",
    ),
    LabFault(
        "kill-unit",
        "Every process of a unit dies by SIGKILL; keepalived leaves its address behind.",
        FaultScope.UNIT,
        service.kill_unit,
        service.start_unit,
        "start-unit",
    ),
    LabFault(
        "hang-unit",
        "Every process of a unit stops (SIGSTOP): the kernel accepts connections, nothing answers.",
        FaultScope.UNIT,
        service.hang_unit,
        service.wake_unit,
        "wake-unit",
    ),
    LabFault(
        "nginx-hang",
        "nginx hangs: TCP accepts, HTTP does not answer.",
        FaultScope.NODE,
        service.hang_nginx,
        service.wake_nginx,
        "nginx-wake",
    ),
    LabFault(
        "sshd-hang",
        "sshd and all its sessions hang; open connections stay open and say nothing.",
        FaultScope.NODE,
        service.hang_sshd,
        service.wake_sshd,
        "sshd-wake",
    ),
    LabFault(
        "ssh-blocked",
        "A firewall drops SSH without a word; the node goes on serving.",
        FaultScope.NODE,
        machine.block_ssh,
        machine.unblock_ssh,
        "ssh-open",
    ),
    LabFault(
        POWER_OFF,
        "The plug is pulled: every process is gone at once, and so is the machine.",
        FaultScope.NODE,
        machine.power_off,
        machine.power_on,
        "power-on",
    ),
    LabFault(
        "freeze",
        "The whole machine stands still, and later goes on as if nothing had been.",
        FaultScope.NODE,
        machine.freeze,
        machine.thaw,
        "thaw",
    ),
    LabFault(
        "cable",
        "The network cable is out: the interface has no carrier.",
        FaultScope.NODE,
        machine.unplug,
        machine.plug,
        "plug",
    ),
    LabFault(
        "vrrp-drop",
        "Firewalls drop VRRP (protocol 112) on every node: two masters, a split brain.",
        FaultScope.CLUSTER,
        machine.drop_vrrp,
        machine.pass_vrrp,
        "vrrp-pass",
    ),
    LabFault(
        "vip-astray",
        "The VIP is added to a node by hand, whatever keepalived says.",
        FaultScope.NODE,
        machine.add_vip,
        machine.remove_vip,
        "vip-tidy",
    ),
    LabFault(
        "vip-denied",
        "keepalived may no longer set addresses: it becomes MASTER, and has no VIP.",
        FaultScope.NODE,
        service.deny_vip,
        service.allow_vip,
        "vip-allowed",
        ends_with_power=False,
    ),
    LabFault(
        "db-grant-revoked",
        "MariaDB no longer knows the other nodes: error 1130, host not allowed.",
        FaultScope.NODE_OR_ALL,
        service.revoke_grants,
        service.restore_grants,
        "db-grant-restored",
        ends_with_power=False,
    ),
    LabFault(
        "backend-loopback",
        "An IAM service listens on 127.0.0.1 only: its own nginx reaches it, the peer's does not.",
        FaultScope.UNIT,
        service.bind_to_loopback,
        service.configure_as_it_was,
        "backend-open",
        ends_with_power=False,
    ),
    LabFault(
        "service-misconfigured",
        "A bad value stands in an IAM service's configuration: it ends at each start, and is started for ever.",
        FaultScope.UNIT,
        service.misconfigure,
        service.configure_as_it_was,
        "service-configured",
        ends_with_power=False,
    ),
    LabFault(
        "request-dump",
        "An IAM service prints every request and answer to the journal, some 55 lines each, secrets in clear.",
        FaultScope.UNIT,
        service.dump_requests,
        service.configure_as_it_was,
        "request-dump-off",
        ends_with_power=False,
    ),
    LabFault(
        "debug-log",
        "An IAM service logs at debug level: colour, and several lines a request, to its file and the journal.",
        FaultScope.UNIT,
        service.log_debug,
        service.configure_as_it_was,
        "debug-log-off",
        ends_with_power=False,
    ),
    LabFault(
        "certificate-expired",
        "The certificate of a node's IAM services has expired; all of them run on.",
        FaultScope.NODE,
        service.expire_certificate,
        service.restore_certificate,
        "certificate-renewed",
        ends_with_power=False,
    ),
    LabFault(
        "certificate-misnamed",
        "The certificate of a node's IAM services is for another name.",
        FaultScope.NODE,
        service.rename_certificate,
        service.restore_certificate,
        "certificate-named",
        ends_with_power=False,
    ),
    LabFault(
        "certificate-strange",
        "The certificate of a node's IAM services is of a CA that nobody knows.",
        FaultScope.NODE,
        service.estrange_certificate,
        service.restore_certificate,
        "certificate-known",
        ends_with_power=False,
    ),
    LabFault(
        "disk-full",
        "The node's disk has not one free block left.",
        FaultScope.NODE,
        disk.fill_disk,
        disk.empty_disk,
        "disk-free",
        ends_with_power=False,
    ),
    LabFault(
        "config-drift",
        "keepalived.conf on the disk is no longer the one that was rendered or loaded.",
        FaultScope.NODE,
        disk.change_keepalived_config,
        disk.restore_keepalived_config,
        "config-restored",
        ends_with_power=False,
    ),
    LabFault(
        "nginx-config-broken",
        "The seed's missing semicolon lies on the disk: nginx runs on, and will not reload or start again.",
        FaultScope.NODE,
        disk.break_nginx_config,
        disk.restore_nginx_config,
        "nginx-config-restored",
        ends_with_power=False,
    ),
)
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
