"""The way from a client to the VIP: whose hardware address it has, and whether the right owner is reached."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from iamops.judge.findings import About, Finding, NotEvaluated
from iamops.judge.rules.base import (
    NO_LOOK,
    Answer,
    RuleInput,
    evidence_of,
    inspection_of,
    known_parts,
    probed,
    reason_of,
    rule,
)
from iamops.judge.rules.services import doubtful_backend
from iamops.judge.rules.vip import client_address, is_overdue
from iamops.model.facts import Severity
from iamops.model.observed import Known, Unknown
from iamops.model.vip import owned_since, ownership

# After a move the gratuitous ARP is sent at once and again a second later (garp_master_delay 1).
HEARD_AFTER_S = 3.0
NOBODYS = ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff")
WHOSE = "whether clients send to the node that has the VIP"
DARK = "whether the right owner is dark from outside"
Addresses: TypeAlias = Known[Mapping[str, str]]


@rule("mac-twice")
def one_mac_twice(view: RuleInput, now: float) -> Iterator[Answer]:
    """Clones of one machine: a switch sends the packets of both to whichever spoke last."""
    code, what = "mac-twice", "whether two nodes have the same hardware address"
    known: dict[str, list[tuple[str, str, Addresses]]] = {}
    nodes = yield from known_parts(view, lambda inspection: inspection.macs, (code,), what)
    for node, seen in nodes:
        for interface, mac in seen.value.items():
            if mac not in NOBODYS:
                known.setdefault(mac, []).append((node.name, interface, seen))
    for mac, found in known.items():
        names = tuple(dict.fromkeys(node for node, _, _ in found))
        if len(names) > 1:
            yield Finding(
                code,
                Severity.CRITICAL,
                f"{' and '.join(names)} have the same hardware address {mac}",
                tuple(evidence_of(seen, f"{name} is {mac}", "ip link", node, now) for node, name, seen in found),
                f"look: ip link on {' and '.join(names)}, and the addresses that the hypervisor gives them",
                cause="one machine was cloned from the other: neither hears reliably what is sent to it",
                about=About(subject=mac),
                touches=names,
            )


@rule("stale-arp")
def stale_neighbour(view: RuleInput, now: float) -> Iterator[Answer]:
    """This machine stands for any client in the same network: routers and switches learn from the same packets."""
    for name, vrrp in view.state.profile.vrrp.items():
        claims = ownership(view.state, name, now)
        if len(claims.owners) != 1:
            why = f"no node has VIP {vrrp.address}"
            if claims.owners:
                why = f"VIP {vrrp.address} is on {' and '.join(claim.node for claim in claims.owners)}"
            elif claims.unseen:
                why = f"who has VIP {vrrp.address} is not known"
            yield NotEvaluated("stale-arp", WHOSE, why)
            continue
        (claim,) = claims.owners
        found = _neighbour(view, claim.node, vrrp.address)
        if isinstance(found, str):
            yield NotEvaluated("stale-arp", WHOSE, found)
            continue
        neighbours, own = found
        mac = neighbours.value[vrrp.address]
        if mac in own.value.values():
            continue
        if now - owned_since(view.state, name, claim) < HEARD_AFTER_S:
            why = f"the VIP came to {claim.node} less than {HEARD_AFTER_S:.0f} s ago"
            yield NotEvaluated("stale-arp", WHOSE, why)
            continue
        at, macs = f"{vrrp.address} is at {mac}", ", ".join(sorted(own.value.values()))
        yield Finding(
            "stale-arp",
            Severity.CRITICAL,
            f"clients send VIP {vrrp.address} to {_whose(view, mac)}, and {claim.node} has it",
            (
                evidence_of(neighbours, at, "neighbour table of this machine", None, now),
                evidence_of(own, f"its addresses are {macs}", "ip link", claim.node, now),
            ),
            f"look: ip neigh show {vrrp.address} on a client; vrrp_garp_master_refresh in keepalived.conf",
            claim.node,
            cause="the gratuitous ARP after the move was lost or is filtered, and is not sent again",
            about=About(instance=name),
        )


def _neighbour(view: RuleInput, owner: str, address: str) -> tuple[Addresses, Addresses] | str:
    """This machine's neighbour table and the owner's hardware addresses, or why they cannot be compared."""
    if view.inspection is None:
        return NO_LOOK.reason
    known = view.inspection.neighbours
    if isinstance(known, Unknown):
        return f"the neighbour table of this machine: {reason_of(known)}"
    if address not in known.value:
        return f"this machine has no neighbour entry for {address}: a router stands between, or it never asked"
    inspection = inspection_of(view, owner)
    if inspection is None:
        return f"hardware addresses of {owner}: not looked at"
    if isinstance(inspection.macs, Unknown) or not inspection.macs.value:
        return f"hardware addresses of {owner}: {reason_of(inspection.macs)}"
    return known, inspection.macs


def _whose(view: RuleInput, mac: str) -> str:
    for node, inspection in view.inspection.nodes.items() if view.inspection is not None else ():
        if isinstance(inspection.macs, Known) and mac in inspection.macs.value.values():
            return f"{node} ({mac})"
    return f"an unknown machine ({mac})"


@rule("dark-outside")
def unanswered_outside(view: RuleInput, now: float) -> Iterator[Answer]:
    """The owner serves at home and a client gets nothing: what is between them does not know of the move."""
    for name, seen in view.state.client.items():
        address = client_address(view.state, name)
        if isinstance(seen, Unknown) or is_overdue(seen, now):
            yield NotEvaluated("dark-outside", DARK, f"{address}: {reason_of(seen)}")
            continue
        instance = name if name in view.state.profile.vrrp else view.state.profile.instance.name
        owners = ownership(view.state, instance, now).owners
        # Any HTTP answer has come through.
        if seen.value.ok or seen.value.status is not None or len(owners) != 1:
            continue
        owner = view.state.nodes[owners[0].node]
        if not owner.domains or not all(isinstance(s, Known) and s.value.ok for s in owner.domains.values()):
            continue
        # When we saw it come to its owner; what was found there when we came has not moved.
        moved_at = -math.inf if owners[0].found else owners[0].since
        if seen.at < moved_at + HEARD_AFTER_S:
            why = f"{address} was asked before or just after it came to {owner.name}"
            yield NotEvaluated("dark-outside", DARK, why, owner.name)
            continue
        if seen.value.accepted and (doubt := doubtful_backend(view, owner)):
            why = f"{address} accepts and does not answer, but {doubt}"
            yield NotEvaluated("dark-outside", DARK, why, owner.name)
            continue
        at_home = (probed(s, d, "HTTP through nginx", owner.name, now) for d, s in owner.domains.items())
        yield Finding(
            "dark-outside",
            Severity.CRITICAL,
            f"{owner.name} has the VIP and serves, and {address} is dark from outside",
            (probed(seen, address, "HTTP from this machine", None, now), *at_home),
            f"look: is {address} bound to {owner.name} (cloud HAVIP or EIP)? nft list ruleset on {owner.name}",
            owner.name,
            cause="the cloud's HAVIP or EIP is not bound to this node, a firewall, or a route to the old owner",
            about=About(instance=instance, subject="" if name == instance else name),
        )


RULES = (one_mac_twice, stale_neighbour, unanswered_outside)
