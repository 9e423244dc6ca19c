"""Faults of machines and their network: power, cable, firewall, and addresses set by hand."""

from __future__ import annotations

from iamops.lab.faults.context import Change, FaultContext, FaultTarget, systemctl

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
