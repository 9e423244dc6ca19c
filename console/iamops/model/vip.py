"""Who owns a VIP: the kernels' claims compared on one clock, and an owner that may be unknown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from iamops.model.events import HttpProbed, LinkChanged, NodeEvent, Target, UnitReported
from iamops.model.facts import LinkState, ProbeReport, VrrpState
from iamops.model.observed import Freshness, Known, Unknown, is_pending
from iamops.model.profile import Profile
from iamops.model.state import ClusterState, NodeState, on_our_clock


@dataclass(frozen=True, slots=True)
class Claim:
    """A node whose kernel holds the VIP, as last heard. `since`: when the address was first seen there;
    `found`: it was there when the console began to watch, and nobody knows since when.
    """

    node: str
    since: float
    heard_at: float
    found: bool = False


@dataclass(frozen=True, slots=True)
class Ownership:
    """`owners`: claims that hold now. `outdated`: claims of nodes not heard since someone else took over,
    or not heard for too long. `unseen`: nodes whose addresses are not known at all.
    """

    owners: tuple[Claim, ...]
    outdated: tuple[Claim, ...]
    unseen: tuple[str, ...]

    @property
    def owner(self) -> Owner:
        """The claims as one answer. One claim counts although another node is not seen; no claim does not."""
        match self.owners:
            case ():
                return OwnerUnknown(self.unseen) if self.unseen else Unowned()
            case (one,):
                return OwnedBy(one.node)
        return Contested(tuple(claim.node for claim in self.owners))


@dataclass(frozen=True, slots=True)
class OwnedBy:
    """One node's kernel holds the VIP."""

    node: str


@dataclass(frozen=True, slots=True)
class Contested:
    """Several nodes hold it at once."""

    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unowned:
    """Every node's addresses are known, and none has the VIP."""


@dataclass(frozen=True, slots=True)
class OwnerUnknown:
    """No node is seen to hold it, and these nodes' addresses are not known."""

    unseen: tuple[str, ...]


Owner: TypeAlias = OwnedBy | Contested | Unowned | OwnerUnknown


def owner_of(state: ClusterState, instance: str, now: float) -> Owner:
    """Who holds the instance's VIP, as one of four answers that cannot be taken for each other."""
    return ownership(state, instance, now).owner


def why_unseen(state: ClusterState, node: str, now: float) -> str:
    seen = state.nodes[node]
    if isinstance(seen.addresses, Unknown):
        return f"addresses of {node}: {seen.addresses.reason}"
    return f"{node} is not heard: {seen.link.reason or 'nothing came from it lately'}"


def ownership(state: ClusterState, instance: str, now: float) -> Ownership:
    """Compares all claims on an instance's VIP.

    A claim only counts while its node is heard. A dead owner's last report must not look like a split
    brain: its claim is outdated as soon as another node took the address after it was last heard.
    """
    address = state.profile.vrrp[instance].address
    claims = [c for node in state.nodes.values() if (c := claim_of(node, address))]
    current: list[Claim] = []
    outdated: list[Claim] = []
    for claim in claims:
        silent = state.nodes[claim.node].freshness(now) is Freshness.UNKNOWN
        newer = (c for c in claims if c.node != claim.node and not c.found and c.since > claim.heard_at)
        (outdated if silent or any(newer) else current).append(claim)
    unseen = tuple(
        node.name
        for node in state.nodes.values()
        if isinstance(node.addresses, Unknown) or node.freshness(now) is Freshness.UNKNOWN
    )
    return Ownership(tuple(current), tuple(outdated), unseen)


def owned_since(state: ClusterState, instance: str, claim: Claim) -> float:
    """When the owner got the VIP: keepalived's own word where it says MASTER, else when we first saw it.

    A console that has just started has seen the address for a short time only; keepalived knows the real time.
    """
    seen = state.nodes[claim.node].vrrp[instance]
    if isinstance(seen, Unknown) or seen.value.state is not VrrpState.MASTER or seen.value.last_transition is None:
        return claim.since
    entered = on_our_clock(state.nodes[claim.node], seen.value.last_transition)
    return claim.since if isinstance(entered, Unknown) else min(claim.since, entered)


def claim_of(node: NodeState, address: str) -> Claim | None:
    """The node's claim on an address by its kernel, as last reported; None where it has none, or is not known."""
    if isinstance(node.addresses, Unknown) or node.last_event_at is None or address not in node.addresses.value:
        return None
    held, heard_at = node.addresses.value, node.last_event_at
    if node.link.state is LinkState.UP and node.link.since is not None and node.addresses.at < node.link.since:
        # The list is from before the link was lost: what has come over the new one says nothing of it.
        heard_at = node.addresses.at
    return Claim(node.name, held[address], heard_at, found=held[address] == node.listed_at)


# Since when a service's answers count: it or its node was restarted, or answers well again. What another node, or
# nginx, got from it before that says nothing of it any more: observations of different times are not compared.


def with_renewed(before: NodeState, after: NodeState, event: NodeEvent, profile: Profile) -> NodeState:
    """The node after an event, with what of its services is to be asked anew by everybody else."""
    names: tuple[str, ...] = ()
    match event:
        case LinkChanged():
            # What it reported before it was lost, and what others got from it meanwhile, is out of date.
            known = any(isinstance(seen, Known) for seen in before.services.values())
            if known and event.link.state is LinkState.UP and before.link.state is not LinkState.UP:
                names = tuple(after.services)
        case UnitReported():
            was, now = before.units.get(event.unit), after.units.get(event.unit)
            if isinstance(was, Known) and isinstance(now, Known) and now.value.running:
                restarted = not was.value.running or was.value.main_pid != now.value.main_pid
                units = (s.name for s in profile.services.values() if s.unit == event.unit)
                names = tuple(units) if restarted else ()
        case HttpProbed(target=Target.SERVICE) if event.observer == event.node:
            probed = before.services.get(event.name)
            answers = isinstance(event.report, ProbeReport) and event.report.ok
            # The first answer of all is no change.
            if probed is not None and answers and not is_pending(probed):
                names = () if isinstance(probed, Known) and probed.value.ok else (event.name,)
    found = {name: event.at for name in names if name in after.services}
    return replace(after, renewed={**after.renewed, **found}) if found else after
