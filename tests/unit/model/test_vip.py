"""Who owns the VIP, when kernels agree, disagree, or fall silent."""

from __future__ import annotations

from iamops.model.events import AddressChanged, AddressesListed, Event, HostReported, VrrpReported
from iamops.model.facts import HostReport, VrrpReport, VrrpState
from iamops.model.reduce import reduce
from iamops.model.state import ClusterState
from iamops.model.vip import owned_since, ownership
from tests.support.profiles import pair

VIP = "10.0.4.99"


def after(*events: Event) -> ClusterState:
    state = ClusterState.of(pair())
    for event in events:
        state = reduce(state, event)
    return state


def listed(at: float, node: str, *addresses: str) -> AddressesListed:
    return AddressesListed(at, node, frozenset(addresses))


def owners(state: ClusterState, now: float) -> list[str]:
    return [claim.node for claim in ownership(state, "VI_1", now).owners]


def test_the_node_whose_kernel_holds_the_vip_is_the_owner():
    state = after(listed(100, "iam-a", "10.0.4.20", VIP), listed(100, "iam-b", "10.0.4.21"))
    assert owners(state, 101) == ["iam-a"]


def test_split_brain_when_both_kernels_hold_the_vip_and_both_are_heard():
    state = after(
        listed(100, "iam-a", VIP),
        listed(100, "iam-b"),
        AddressChanged(104, "iam-b", VIP, present=True),
        listed(105, "iam-a", VIP),
    )
    assert owners(state, 106) == ["iam-a", "iam-b"]


def test_a_dead_owners_last_words_are_no_split_brain():
    state = after(
        listed(100, "iam-a", VIP), listed(100, "iam-b"), AddressChanged(103.6, "iam-b", VIP, present=True)
    )
    seen = ownership(state, "VI_1", 104)
    assert [c.node for c in seen.owners] == ["iam-b"]
    assert [c.node for c in seen.outdated] == ["iam-a"]


def test_a_node_not_heard_for_long_owns_nothing_and_is_unseen():
    state = after(listed(100, "iam-a", VIP), listed(113, "iam-b"))
    seen = ownership(state, "VI_1", 114)
    assert seen.owners == ()
    assert seen.unseen == ("iam-a",)


def test_the_time_of_the_move_is_when_the_new_owner_got_the_address():
    state = after(
        listed(100, "iam-a", VIP),
        listed(100, "iam-b"),
        AddressChanged(200, "iam-a", VIP, present=False),
        AddressChanged(200.8, "iam-b", VIP, present=True),
    )
    assert state.moved_at["VI_1"] == 200.8
    assert state.notices[-1].text == "VIP 10.0.4.99 moved iam-a -> iam-b"


def test_seeing_the_same_addresses_again_is_no_move():
    state = after(listed(100, "iam-a", VIP), listed(110, "iam-a", VIP))
    assert state.moved_at["VI_1"] == 100
    assert [c.since for c in ownership(state, "VI_1", 111).owners] == [100]


def since(offset_ms: float | None, told_at: float) -> float:
    """Since when iam-a owns the VIP. We look at 1000; keepalived tells a time by a clock that is so far off."""
    master = VrrpReport(VrrpState.MASTER, "json", last_transition=told_at)
    state = after(
        HostReported(1000, "iam-a", HostReport(clock_offset_ms=offset_ms, clock_uncertainty_ms=2.0)),
        listed(1000, "iam-a", VIP),
        VrrpReported(1000, "iam-a", "VI_1", master),
    )
    (claim,) = ownership(state, "VI_1", 1001).owners
    return owned_since(state, "VI_1", claim)


def test_since_when_a_node_owns_the_vip_is_told_on_our_clock():
    assert since(0.0, 400) == 400
    assert since(60_000.0, 460) == 400
    assert since(-60_000.0, 340) == 400
    assert since(1.5, 400) == 400  # within its uncertainty
    assert since(None, 400) == 1000  # what we have seen ourselves
