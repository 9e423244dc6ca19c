"""Reading what was observed into a plan: a value, or the end of planning with the reason."""

from __future__ import annotations

import pytest

from iamops.model.events import AddressesListed, Source, SourceLost
from iamops.model.facts import ProbeOutcome, ProbeReport
from iamops.model.observed import Known, Unknown
from iamops.plan.known import Holding, NotKnown, answered, holding, may_hold, unit_of, vrrp_of
from tests.support.cluster_states import NOW, OK, VIP, fed, healthy

A, B = "iam-a", "iam-b"


def test_what_is_known_is_read():
    assert unit_of(healthy(), "nginx", A).active == "active"
    assert vrrp_of(healthy(), "VI_1", B).priority == 50


def test_what_is_not_known_ends_the_planning_with_its_reason():
    state = fed(healthy(), [SourceLost(NOW, A, each, "no shell") for each in (Source.UNITS, Source.VRRP)])
    with pytest.raises(NotKnown, match="the state of nginx on iam-a is not known: no shell"):
        unit_of(state, "nginx", A)
    with pytest.raises(NotKnown, match="the VRRP state of VI_1 on iam-a is not known: no shell"):
        vrrp_of(state, "VI_1", A)
    with pytest.raises(
        NotKnown, match="the state of sshd on iam-a is not known: the profile has no such unit there"
    ):
        unit_of(state, "sshd", A)


def test_a_vip_is_held_alone_or_together_with_another_node():
    assert holding(healthy(), A, NOW + 1) == Holding(alone=("VI_1",))
    assert not holding(healthy(), B, NOW + 1).any
    both = fed(healthy(), [AddressesListed(NOW, B, frozenset({"10.0.4.21", VIP}))])
    assert holding(both, B, NOW + 1) == Holding(shared=("VI_1",))
    assert holding(both, B, NOW + 1).any


def test_a_node_whose_addresses_are_not_known_may_hold_a_vip():
    state = fed(healthy(), [SourceLost(NOW, A, Source.ADDRESSES, "no shell")])
    with pytest.raises(NotKnown, match="iam-a"):
        holding(state, A, NOW + 1)
    assert may_hold(state, A, NOW + 1) == 1
    assert may_hold(healthy(), B, NOW + 1) == 0


def test_only_a_good_answer_that_is_known_is_one():
    assert answered(Known(OK, NOW))
    assert not answered(Known(ProbeReport(ProbeOutcome.REFUSED), NOW))
    assert not answered(Unknown("no answer"))
