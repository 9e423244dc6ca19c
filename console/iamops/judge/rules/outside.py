"""The way from a client to the VIP: whose hardware address it has, and whether the right owner is reached."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from iamops.judge.findings import About, Finding, NotEvaluated
from iamops.judge.rules.base import Answer, Rule, RuleInput, evidence_of, probed, reason_of
from iamops.judge.rules.inspection import inspected
from iamops.judge.rules.services import doubtful_backend
from iamops.judge.rules.vip import client_address, is_overdue
from iamops.model.facts import Severity
from iamops.model.observed import Known, Unknown
from iamops.model.state import NodeState
from iamops.model.vip import owned_since, ownership

# After a move the gratuitous ARP is sent at once and again a second later (garp_master_delay 1).
HEARD_AFTER_S = 3.0
NOBODYS = ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff")
WHOSE = "whether clients send to the node that has the VIP"
DARK = "whether the right owner is dark from outside"


def stale_neighbour(view: RuleInput, now: float) -> Iterator[Answer]:
    """This machine stands for any client in the same network: routers and switches learn from the same words."""
    for name, vrrp in view.state.profile.vrrp.items():
        owner = _only_owner(view, name, now)
        found = _neighbour(view, owner, vrrp.address, _owners(view, name, now))
        if owner is None or isinstance(found, str):
            yield NotEvaluated("stale-arp", WHOSE, str(found))
            continue
        known, macs = found
        mac = known.value[vrrp.address]
        if mac in macs.value.values():
            continue
        if now - _came_at(view, name, now) < HEARD_AFTER_S:
            yield NotEvaluated(
                "stale-arp", WHOSE, f"the VIP came to {owner.name} less than {HEARD_AFTER_S:.0f} s ago"
            )
            continue
        yield Finding(
            "stale-arp",
            Severity.CRITICAL,
            f"clients send VIP {vrrp.address} to {_whose(view, mac)}, and {owner.name} has it",
            (
                evidence_of(known, f"{vrrp.address} is at {mac}", "neighbour table of this machine", None, now),
                evidence_of(
                    macs, f"its addresses are {', '.join(sorted(macs.value.values()))}", "ip link", owner.name, now
                ),
            ),
            f"look: ip neigh show {vrrp.address} on a client; vrrp_garp_master_refresh in keepalived.conf",
            owner.name,
            cause="the gratuitous ARP after the move was lost or is filtered, and is not sent again",
            about=About(instance=name),
        )


def unanswered_outside(view: RuleInput, now: float) -> Iterator[Answer]:
    """The owner serves at home and a client gets nothing: what is between them does not know of the move."""
    for name, seen in view.state.client.items():
        if isinstance(seen, Unknown) or is_overdue(seen, now):
            yield NotEvaluated("dark-outside", DARK, f"{client_address(view.state, name)}: {reason_of(seen)}")
            continue
        instance = name if name in view.state.profile.vrrp else view.state.profile.instance.name
        # Any HTTP answer has come through.
        through = seen.value.ok or seen.value.status is not None
        owner = None if through else _only_owner(view, instance, now)
        if owner is None or not _serves_at_home(owner):
            continue
        address = client_address(view.state, name)
        if seen.at < _moved_at(view, instance, now) + HEARD_AFTER_S:
            why = f"{address} was asked before or just after it came to {owner.name}"
            yield NotEvaluated("dark-outside", DARK, why, owner.name)
            continue
        if seen.value.accepted and (doubt := doubtful_backend(view, owner, now)):
            yield NotEvaluated(
                "dark-outside", DARK, f"{address} accepts and does not answer, but {doubt}", owner.name
            )
            continue
        evidence = [probed(seen, address, "HTTP from this machine", None, now)]
        evidence += [probed(s, d, "HTTP through nginx", owner.name, now) for d, s in owner.domains.items()]
        yield Finding(
            "dark-outside",
            Severity.CRITICAL,
            f"{owner.name} has the VIP and serves, and {address} is dark from outside",
            tuple(evidence),
            f"look: is {address} bound to {owner.name} (cloud HAVIP or EIP)? nft list ruleset on {owner.name}",
            owner.name,
            cause="the cloud's HAVIP or EIP is not bound to this node, a firewall, or a route to the old owner",
            about=About(instance=instance, subject="" if name == instance else name),
        )


def one_mac_twice(view: RuleInput, now: float) -> Iterator[Answer]:
    """Clones of one machine: a switch sends the packets of both to whichever spoke last."""
    code, what = "mac-twice", "whether two nodes have the same hardware address"
    known: dict[str, list[tuple[NodeState, str, Known[Mapping[str, str]]]]] = {}
    for each in inspected(view, lambda look: look.macs, (code,), what):
        if isinstance(each, NotEvaluated):
            yield each
            continue
        node, seen = each
        for interface, mac in seen.value.items():
            if mac not in NOBODYS:
                known.setdefault(mac, []).append((node, interface, seen))
    for mac, found in known.items():
        names = tuple(dict.fromkeys(node.name for node, _, _ in found))
        if len(names) > 1:
            yield Finding(
                code,
                Severity.CRITICAL,
                f"{' and '.join(names)} have the same hardware address {mac}",
                tuple(
                    evidence_of(seen, f"{name} is {mac}", "ip link", node.name, now) for node, name, seen in found
                ),
                f"look: ip link on {' and '.join(names)}, and the addresses that the hypervisor gives them",
                cause="one machine was cloned from the other: neither hears reliably what is sent to it",
                about=About(subject=mac),
                touches=names,
            )


RULES = (
    Rule(("mac-twice",), one_mac_twice),
    Rule(("stale-arp",), stale_neighbour),
    Rule(("dark-outside",), unanswered_outside),
)


def _only_owner(view: RuleInput, instance: str, now: float) -> NodeState | None:
    owners = ownership(view.state, instance, now).owners
    return view.state.nodes[owners[0].node] if len(owners) == 1 else None


def _owners(view: RuleInput, instance: str, now: float) -> str:
    """In words, where it is not one that is seen."""
    claims = ownership(view.state, instance, now)
    vip = f"VIP {view.state.profile.vrrp[instance].address}"
    if claims.owners:
        return f"{vip} is on {' and '.join(each.node for each in claims.owners)}"
    return f"who has {vip} is not known" if claims.unseen else f"no node has {vip}"


def _came_at(view: RuleInput, instance: str, now: float) -> float:
    return max(
        (owned_since(view.state, instance, o) for o in ownership(view.state, instance, now).owners), default=now
    )


def _moved_at(view: RuleInput, instance: str, now: float) -> float:
    """When we saw it come to its owner; what was found there when we came has not moved."""
    return max((o.since for o in ownership(view.state, instance, now).owners if not o.found), default=-math.inf)


def _neighbour(
    view: RuleInput, owner: NodeState | None, address: str, owners: str
) -> tuple[Known[Mapping[str, str]], Known[Mapping[str, str]]] | str:
    """This machine's neighbour table and the owner's hardware addresses, or why they cannot be compared."""
    if owner is None:
        return owners
    if view.inspection is None:
        return "no deep look was taken"
    known = view.inspection.neighbours
    if isinstance(known, Unknown):
        return f"the neighbour table of this machine: {reason_of(known)}"
    if address not in known.value:
        return f"this machine has no neighbour entry for {address}: a router stands between, or it never asked"
    look = view.inspection.nodes.get(owner.name)
    if look is None:
        return f"hardware addresses of {owner.name}: not looked at"
    if isinstance(look.macs, Unknown) or not look.macs.value:
        return f"hardware addresses of {owner.name}: {reason_of(look.macs)}"
    return known, look.macs


def _whose(view: RuleInput, mac: str) -> str:
    for name, look in view.inspection.nodes.items() if view.inspection is not None else ():
        if isinstance(look.macs, Known) and mac in look.macs.value.values():
            return f"{name} ({mac})"
    return f"an unknown machine ({mac})"


def _serves_at_home(node: NodeState) -> bool:
    return bool(node.domains) and all(isinstance(seen, Known) and seen.value.ok for seen in node.domains.values())
