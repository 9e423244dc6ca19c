"""Faults of machines and their network: power, cable, firewall, and addresses set by hand."""

from __future__ import annotations

from iamops.lab import network
from iamops.lab.faults.context import Change, FaultContext, FaultTarget, systemctl

SSH_TABLE, VRRP_TABLE = "lab_ssh", "lab_vrrp"
SSH_PORT = 22
VRRP_PROTOCOL = 112


def block_ssh(lab: FaultContext, target: FaultTarget) -> None:
    _drop(lab, target.at, SSH_TABLE, f"tcp dport {SSH_PORT} drop", f"tcp sport {SSH_PORT} drop")


def unblock_ssh(lab: FaultContext, target: FaultTarget) -> None:
    _undrop(lab, target.at, SSH_TABLE)


def power_off(lab: FaultContext, target: FaultTarget) -> None:
    lab.node(target.at).cut_power()


def power_on(lab: FaultContext, target: FaultTarget) -> None:
    lab.power_on(target.at)


def freeze(*, frozen: bool) -> Change:
    return lambda lab, target: lab.node(target.at).freeze(frozen=frozen)


def cable(*, plugged: bool) -> Change:
    return lambda lab, target: network.set_cable(target.at, lab.paths, plugged=plugged)


def drop_vrrp(lab: FaultContext, target: FaultTarget) -> None:
    rule = f"ip protocol {VRRP_PROTOCOL} drop"
    for node in lab.profile.nodes:
        _drop(lab, node, VRRP_TABLE, rule, rule)


def pass_vrrp(lab: FaultContext, target: FaultTarget) -> None:
    for node in lab.profile.nodes:
        _undrop(lab, node, VRRP_TABLE)


def add_vip(lab: FaultContext, target: FaultTarget) -> None:
    lab.must(target.at, ["ip", "address", "replace", *_vip_on_interface(lab, target)])


def remove_vip(lab: FaultContext, target: FaultTarget) -> None:
    """Keepalived's own claim would be taken away too: restart it, so that it sets what it means."""
    lab.must(target.at, ["ip", "address", "flush", "to", *_vip_on_interface(lab, target)])
    systemctl(lab, target.at, "restart", lab.profile.keepalived.unit)


def _drop(lab: FaultContext, node: str, table: str, incoming: str, outgoing: str) -> None:
    """Rules in a table of our own: undoing takes the table away and touches no other rule."""
    rules = f"""\
table ip {table}
delete table ip {table}
table ip {table} {{
    chain input {{ type filter hook input priority -10; {incoming}; }}
    chain output {{ type filter hook output priority -10; {outgoing}; }}
}}
"""
    lab.must(node, ["nft", "-f", "-"], stdin=rules)


def _undrop(lab: FaultContext, node: str, table: str) -> None:
    lab.must(node, ["nft", "-f", "-"], stdin=f"table ip {table}\ndelete table ip {table}\n")


def _vip_on_interface(lab: FaultContext, target: FaultTarget) -> tuple[str, str, str]:
    vip = lab.profile.instance.vip
    return vip if "/" in vip else f"{vip}/32", "dev", lab.profile.nodes[target.at].interface
