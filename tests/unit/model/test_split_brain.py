"""A move is a move and a split is a split: what the event list says of a VIP that several nodes hold."""

from __future__ import annotations

from collections.abc import Iterable

from iamops.model.events import (
    AddressChanged,
    AddressesListed,
    Event,
    HostReported,
    LinkChanged,
    UnitReported,
    VrrpReported,
)
from iamops.model.facts import HostReport, Link, LinkState, UnitReport, VrrpReport, VrrpState
from iamops.model.state import ClusterState
from tests.support.cluster_states import fed
from tests.support.profiles import pair

VIP, A, B = "10.0.4.99", "iam-a", "iam-b"
T = 1000.0


def quiet() -> ClusterState:
    """iam-a has had the VIP for long, both are heard."""
    found = [AddressesListed(T - 500, A, frozenset({"10.0.4.20", VIP})), AddressesListed(T - 500, B, frozenset())]
    links = [LinkChanged(T - 501, node, Link(LinkState.UP, T - 501)) for node in (A, B)]
    return fed(ClusterState.of(pair()), [*links, *found, heard(A, T), heard(B, T)])


def heard(node: str, at: float) -> Event:
    return HostReported(at, node, HostReport())


def both_heard(begin: float, end: float, *nodes: str) -> Iterable[Event]:
    """Something is heard of the nodes every half second."""
    for half in range(round(2 * (end - begin))):
        for node in nodes or (A, B):
            yield heard(node, begin + half / 2)


def gains(node: str, at: float) -> Event:
    return AddressChanged(at, node, VIP, present=True)


def loses(node: str, at: float) -> Event:
    return AddressChanged(at, node, VIP, present=False)


def told(state: ClusterState) -> list[str]:
    return [notice.text for notice in state.notices if VIP in notice.text][1:]


def moves(state: ClusterState) -> list[tuple[float, str, str, bool]]:
    return [(move.at, move.previous, move.node, move.unheard) for move in state.moves]


def test_a_handover_of_milliseconds_in_which_both_hold_it_is_a_move():
    state = fed(quiet(), [gains(B, T + 0.1), heard(A, T + 0.104)])
    assert told(state) == [], "not told before the old owner has let go"
    state = fed(state, [loses(A, T + 0.112), *both_heard(T + 1, T + 4)])
    assert told(state) == [f"VIP {VIP} moved iam-a -> iam-b", f"iam-a no longer holds VIP {VIP}"]
    assert moves(state) == [(T + 0.1, A, B, False)]
    assert (state.splits, dict(state.contests), state.moved_at["VI_1"]) == ((), {}, T + 0.1)


def test_a_split_brain_is_told_with_its_beginning_and_its_end_and_is_no_move():
    state = fed(quiet(), [gains(B, T + 0.1), *both_heard(T + 0.5, T + 12)])
    assert told(state) == [f"SPLIT BRAIN: VIP {VIP} on iam-a and iam-b"]
    state = fed(state, [loses(B, T + 12.1), *both_heard(T + 12.5, T + 14)])
    assert told(state)[1:] == [f"split brain ended: VIP {VIP} on iam-a only, lasted 12 s"]
    assert (state.moves, state.last_owner["VI_1"]) == ((), A)
    (split,) = state.splits
    assert (split.nodes, split.since, split.ended_at, split.left) == ((A, B), T + 0.1, T + 12.1, (A,))


def test_after_a_split_that_the_newcomer_kept_the_end_says_who_had_it_before():
    state = fed(quiet(), [gains(B, T), *both_heard(T + 0.5, T + 5), loses(A, T + 5)])
    assert told(state)[-1] == f"split brain ended: VIP {VIP} on iam-b only, lasted 5 s; iam-a had it before"
    assert (state.moves, state.last_owner["VI_1"], state.moved_at["VI_1"]) == ((), B, T)


def test_an_address_that_is_astray_is_a_split_brain_and_keepalived_there_is_not_master():
    reports = [
        VrrpReported(T, n, "VI_1", VrrpReport(s, "json"))
        for n, s in ((A, VrrpState.MASTER), (B, VrrpState.BACKUP))
    ]
    state = fed(quiet(), [*reports, gains(B, T + 1), *both_heard(T + 1.5, T + 4), loses(B, T + 4)])
    assert told(state) == [
        f"SPLIT BRAIN: VIP {VIP} on iam-a and iam-b; keepalived on iam-b is not MASTER",
        f"split brain ended: VIP {VIP} on iam-a only, lasted 3 s",
    ]


def test_a_dead_owner_is_a_move_that_says_that_it_is_not_heard():
    state = fed(quiet(), [gains(B, T + 3.6), *both_heard(T + 3.7, T + 6, B)])
    assert told(state) == [f"VIP {VIP} moved iam-a -> iam-b; iam-a is not heard"]
    assert moves(state) == [(T + 3.6, A, B, True)]


def test_nothing_is_said_of_an_owner_that_may_still_speak():
    """iam-a was heard right before iam-b got the address, and its loss may be on the way."""
    state = fed(quiet(), [gains(B, T + 0.2), *both_heard(T + 0.5, T + 3, B)])
    assert (told(state), state.moves) == ([], ())
    lost = LinkChanged(T + 3, A, Link(LinkState.DOWN, T + 3, "hung"))
    assert told(fed(state, [lost])) == [f"VIP {VIP} moved iam-a -> iam-b; iam-a is not heard"]
    assert f"VIP {VIP} moved iam-a -> iam-b" in told(fed(state, [loses(A, T + 3)]))


def test_a_dead_owner_that_comes_back_with_the_address_is_a_split_brain_from_then_on():
    state = fed(quiet(), [gains(B, T + 3.6), *both_heard(T + 3.7, T + 20, B)])
    up = [
        LinkChanged(T + 20, A, Link(LinkState.UP, T + 20)),
        UnitReported(T + 20, A, "nginx", UnitReport("active")),
    ]
    state = fed(state, [*up, *both_heard(T + 20.1, T + 23)])
    assert len(told(state)) == 1, "its list of addresses is from before"
    state = fed(state, [AddressesListed(T + 23, A, frozenset({VIP})), *both_heard(T + 23.1, T + 26)])
    assert told(state)[1:] == [f"SPLIT BRAIN: VIP {VIP} on iam-a and iam-b"]
    state = fed(state, [AddressesListed(T + 30, A, frozenset())])
    assert told(state)[-1] == f"split brain ended: VIP {VIP} on iam-b only, lasted at least 7 s"


def test_a_thawed_owner_that_still_holds_it_is_a_split_brain():
    state = fed(quiet(), [gains(B, T + 3.6), *both_heard(T + 3.7, T + 9, B), *both_heard(T + 9, T + 12)])
    assert told(state)[1:] == [f"SPLIT BRAIN: VIP {VIP} on iam-a and iam-b"]


def test_a_split_whose_one_side_falls_silent_has_not_ended():
    state = fed(quiet(), [gains(B, T), *both_heard(T + 0.5, T + 3), *both_heard(T + 3, T + 20, B)])
    assert told(state)[1:] == [
        f"split brain not seen any more: VIP {VIP} on iam-b; iam-a is not heard and may hold it; lasted 15 s"
    ]


def test_an_address_that_comes_for_a_moment_is_neither():
    state = fed(quiet(), [gains(B, T), heard(A, T + 0.1), loses(B, T + 0.4), *both_heard(T + 1, T + 3)])
    assert told(state) == [f"iam-b held VIP {VIP} for 400 ms beside iam-a"]
    assert (state.moves, state.splits) == ((), ())


def test_a_console_that_starts_in_a_split_brain_says_at_least():
    listed = [AddressesListed(T, node, frozenset({VIP})) for node in (A, B)]
    state = fed(ClusterState.of(pair()), [*listed, *both_heard(T + 0.5, T + 10), loses(B, T + 10)])
    assert told(state) == [
        f"SPLIT BRAIN: VIP {VIP} on iam-a and iam-b",
        f"split brain ended: VIP {VIP} on iam-a only, lasted at least 10 s",
    ]
    assert state.moves == ()
