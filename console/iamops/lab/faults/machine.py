"""Faults of machines and their network: power, cable, firewall, and addresses set by hand."""

from __future__ import annotations

from iamops.lab import network
from iamops.lab.faults.context import FaultContext, FaultTarget, systemctl

SSH_PORT = 22
VRRP_PROTOCOL = 112


def block_ssh(bench: FaultContext, aim: FaultTarget) -> None:
    _drop(bench, aim.at, "lab_ssh", f"tcp dport {SSH_PORT} drop", f"tcp sport {SSH_PORT} drop")


def unblock_ssh(bench: FaultContext, aim: FaultTarget) -> None:
    _undrop(bench, aim.at, "lab_ssh")


def power_off(bench: FaultContext, aim: FaultTarget) -> None:
    bench.node(aim.at).cut_power()


def power_on(bench: FaultContext, aim: FaultTarget) -> None:
    bench.power_on(aim.at)


def freeze(bench: FaultContext, aim: FaultTarget) -> None:
    bench.node(aim.at).freeze(frozen=True)


def thaw(bench: FaultContext, aim: FaultTarget) -> None:
    bench.node(aim.at).freeze(frozen=False)


def unplug(bench: FaultContext, aim: FaultTarget) -> None:
    network.set_cable(aim.at, bench.paths, plugged=False)


def plug(bench: FaultContext, aim: FaultTarget) -> None:
    network.set_cable(aim.at, bench.paths, plugged=True)


def drop_vrrp(bench: FaultContext, aim: FaultTarget) -> None:
    rule = f"ip protocol {VRRP_PROTOCOL} drop"
    for node in bench.profile.nodes:
        _drop(bench, node, "lab_vrrp", rule, rule)


def pass_vrrp(bench: FaultContext, aim: FaultTarget) -> None:
    for node in bench.profile.nodes:
        _undrop(bench, node, "lab_vrrp")


def add_vip(bench: FaultContext, aim: FaultTarget) -> None:
    bench.must(aim.at, ["ip", "address", "replace", _vip(bench), "dev", _interface(bench, aim)])


def remove_vip(bench: FaultContext, aim: FaultTarget) -> None:
    """Keepalived's own claim would be taken away too: restart it, so that it sets what it means."""
    gone = ["ip", "address", "flush", "to", _vip(bench), "dev", _interface(bench, aim)]
    bench.must(aim.at, gone)
    systemctl(bench, aim.at, "restart", bench.profile.keepalived.unit)


def _drop(bench: FaultContext, node: str, table: str, incoming: str, outgoing: str) -> None:
    """Rules in a table of our own: undoing takes the table away and touches no other rule."""
    rules = f"""\
table ip {table}
delete table ip {table}
table ip {table} {{
    chain input {{ type filter hook input priority -10; {incoming}; }}
    chain output {{ type filter hook output priority -10; {outgoing}; }}
}}
"""
    bench.must(node, ["nft", "-f", "-"], stdin=rules)


def _undrop(bench: FaultContext, node: str, table: str) -> None:
    bench.must(node, ["nft", "-f", "-"], stdin=f"table ip {table}\ndelete table ip {table}\n")


def _vip(bench: FaultContext) -> str:
    vip = bench.profile.instance.vip
    return vip if "/" in vip else f"{vip}/32"


def _interface(bench: FaultContext, aim: FaultTarget) -> str:
    return bench.profile.nodes[aim.at].interface
