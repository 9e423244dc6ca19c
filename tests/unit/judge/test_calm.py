"""What is news for the pace: everything that happens, and nothing that only ticks along."""

from __future__ import annotations

from dataclasses import replace

from iamops.judge.findings import NotEvaluated
from iamops.judge.rules.base import RuleInput
from iamops.judge.rules.vip import client_dark
from iamops.judge.triage.events import signs
from iamops.model.events import (
    AddressChanged,
    ClientProbed,
    DatastoreProbed,
    HostReported,
    HttpProbed,
    LinkChanged,
    NodeHeard,
    Target,
    UnitReported,
)
from iamops.model.facts import HostReport, Link, LinkState, ProbeOutcome, ProbeReport, UnitReport
from iamops.model.observed import Known
from iamops.model.state import client_views
from tests.support.cluster_states import NOW, fed, healthy

OK = ProbeReport(ProbeOutcome.OK, 3.5, 200)
DARK = ProbeReport(ProbeOutcome.TIMEOUT, detail="no answer within 1 s")


def test_a_healthy_pair_is_well_and_what_ticks_along_is_no_news():
    state = healthy()
    before = signs(state, NOW)
    assert before.bad == frozenset()
    ticking = (
        HttpProbed(NOW + 1, "iam-a", "iam-a", Target.SERVICE, "iam-pump", OK, 10.0),
        HostReported(NOW + 1, "iam-a", HostReport(load1=3.0)),
        NodeHeard(NOW + 1, "iam-b"),
    )
    assert signs(fed(state, ticking), NOW + 1) == before


def test_whatever_is_not_well_or_moves_is_news():
    state = healthy()
    before, vip = signs(state, NOW), state.profile.instance.address
    view = client_views(state.profile)[0]
    for event in (
        HttpProbed(NOW, "iam-a", "iam-a", Target.SERVICE, "iam-pump", DARK),
        HttpProbed(NOW, "iam-a", "iam-a", Target.DOMAIN, state.profile.domains[0], DARK),
        HttpProbed(NOW, "iam-a", "iam-b", Target.SERVICE, "iam-pump", DARK),
        DatastoreProbed(NOW, "iam-b", "redis", DARK),
        ClientProbed(NOW, view, DARK),
        UnitReported(NOW, "iam-b", "nginx", UnitReport("failed")),
        LinkChanged(NOW, "iam-b", Link(LinkState.DOWN)),
        AddressChanged(NOW, "iam-a", vip, present=False),
    ):
        now = signs(fed(state, [event]), NOW)
        assert now.bad, event
        assert now != before, event


def test_a_process_that_came_anew_is_news_though_all_is_well():
    state = healthy()
    unit = state.nodes["iam-a"].units["nginx"]
    assert isinstance(unit, Known)
    again = UnitReported(NOW, "iam-a", "nginx", replace(unit.value, main_pid=4242))
    assert signs(fed(state, [again]), NOW) != signs(state, NOW)
    assert signs(fed(state, [again]), NOW).bad == frozenset()


def test_a_probe_keeps_what_it_promised():
    state = fed(healthy(), [HttpProbed(NOW, "iam-a", "iam-a", Target.SERVICE, "iam-pump", OK, 30.0)])
    assert state.nodes["iam-a"].services["iam-pump"].every_s == 30.0
    assert state.nodes["iam-a"].services["iam-pump"].lost("gone").every_s == 0.0


def test_a_client_that_was_not_to_ask_again_yet_is_no_blind_one():
    state, view = healthy(), client_views(healthy().profile)[0]
    for every_s, age_s, blind in ((0.0, 4.0, False), (0.0, 6.0, True), (15.0, 19.0, False), (15.0, 21.0, True)):
        seen = fed(state, [ClientProbed(NOW, view, OK, every_s)])
        said = [each for each in client_dark.ask(RuleInput(seen), NOW + age_s) if isinstance(each, NotEvaluated)]
        assert bool(said) is blind, (every_s, age_s)
