"""Looks of different times are not compared, and what a clock said before it was set says nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.judge.findings import NotEvaluated
from iamops.judge.rules.base import RuleInput
from iamops.judge.rules.complaints import complained, strangers
from iamops.judge.rules.keepalived import RULES as KEEPALIVED
from iamops.judge.rules.nginx import gateway
from iamops.judge.rules.outside import unanswered_outside
from iamops.judge.rules.services import peers_refused
from iamops.judge.rules.vip import witnesses_disagree
from iamops.model.events import (
    AddressChanged,
    ClientProbed,
    Event,
    HostReported,
    HttpProbed,
    Source,
    SourceLost,
    Target,
    UnitReported,
    VrrpReported,
)
from iamops.model.facts import HostReport, ProbeOutcome, ProbeReport, UnitReport, VrrpReport, VrrpState
from iamops.model.inspection import ComplaintKind, JournalEventKind
from iamops.model.observed import Known
from tests.support.cluster_states import NOW, OK, VIP, fed, healthy
from tests.unit.judge.looks import A, B, journal, node_look
from tests.unit.judge.samples import DOMAIN, HTTP_502, REFUSED, complaint, state

API = "iam-apiserver"


def own(at: float, report: ProbeReport) -> HttpProbed:
    return HttpProbed(at, B, B, Target.SERVICE, API, report)


def from_peer(at: float, report: ProbeReport) -> HttpProbed:
    return HttpProbed(at, B, A, Target.SERVICE, API, report)


def unreachable(*events: Event) -> list[str]:
    answers = peers_refused.ask(RuleInput(fed(healthy(), events)), NOW + 10)
    return [each.code for each in answers if not isinstance(each, NotEvaluated)]


BACK = [own(NOW, REFUSED), from_peer(NOW + 0.5, REFUSED), own(NOW + 8, OK)]
ANEW = [UnitReported(NOW + 8, B, API, UnitReport("active", "running", 0, main_pid=4711))]


@pytest.mark.parametrize("renewed", [BACK, ANEW], ids=["well again", "begun anew"])
def test_what_a_peer_got_before_a_service_was_well_again_says_nothing_of_it_now(renewed: list[Event]):
    heard = own(NOW + 9, OK)
    assert unreachable(*renewed, from_peer(NOW + 7.9, REFUSED), heard) == []
    assert unreachable(*renewed, from_peer(NOW + 8.5, REFUSED), heard) == [], "it was asked before"
    assert unreachable(*renewed, from_peer(NOW + 9.6, REFUSED), heard) == ["backend-not-reachable"]
    answers = list(peers_refused.ask(RuleInput(fed(healthy(), [*renewed, heard])), NOW + 10))
    assert any(isinstance(each, NotEvaluated) and "since it answers again" in each.because for each in answers)


def test_a_first_look_compares_what_it_has():
    """Nothing came back: it was never seen otherwise."""
    assert unreachable(from_peer(NOW + 8, REFUSED), own(NOW + 8, OK)) == ["backend-not-reachable"]
    lost = SourceLost(NOW, B, Source.HEALTH, "no answer")
    assert unreachable(lost, own(NOW + 8, OK), from_peer(NOW + 5, REFUSED)) == [], "nobody saw it meanwhile"


def test_nginx_asks_a_backend_again_only_after_a_while_and_is_not_blamed_before():
    def through(at: float) -> list[str]:
        bad = HttpProbed(at, B, B, Target.DOMAIN, DOMAIN, HTTP_502)
        state = fed(healthy(), [own(NOW, REFUSED), own(NOW + 2, OK), bad, own(at, OK)])
        return [each.code for each in gateway.ask(RuleInput(state), at) if not isinstance(each, NotEvaluated)]

    assert through(NOW + 9) == []
    assert through(NOW + 15) == ["proxy-fails"]


def test_a_client_that_was_asked_before_the_vip_came_is_no_witness_against_its_owner():
    moved = [AddressChanged(NOW + 4, A, VIP, present=False), AddressChanged(NOW + 4, B, VIP, present=True)]

    def dark(at: float) -> list[str]:
        client = ClientProbed(at, "VI_1", REFUSED)
        heard = UnitReported(NOW + 9, A, "nginx", UnitReport("active"))
        view = RuleInput(fed(healthy(), [*moved, client, heard, own(NOW + 9, OK)]))
        return [each.code for each in unanswered_outside.ask(view, NOW + 9) if not isinstance(each, NotEvaluated)]

    assert dark(NOW + 3.9) == dark(NOW + 5) == []
    assert dark(NOW + 8) == ["dark-outside"]


CLOCK = HostReported(NOW, A, HostReport(0.1, 20.0, 30.0, 5.0, 1.0))
TOMORROW = NOW + 86_400


def test_what_a_clock_that_was_set_back_has_dated_ahead_is_not_of_now():
    crash = (
        -86_400.0,
        "keepalived",
        JournalEventKind.CRASHED,
        "keepalived",
        "x: Main process exited, code=killed",
    )
    starved = replace(complaint(ComplaintKind.STARVED), times=(TOMORROW,))
    look = node_look(A, journal=replace(journal(crash), complaints=(starved,)))

    def said(*events: Event) -> set[str]:
        seen = state(*events, a=look)
        asked = [each for rule in KEEPALIVED for each in rule.ask(seen, NOW)]
        return {each.code for each in (*asked, *complained.ask(seen, NOW)) if not isinstance(each, NotEvaluated)}

    assert said(CLOCK) & {"keepalived-restarted", "keepalived-starved"} == set()
    assert "keepalived-starved" in said(SourceLost(NOW, A, Source.HOST, "x")), "its clock may be ahead of ours"
    late = replace(starved, times=(TOMORROW, NOW - 5))
    seen = state(CLOCK, a=node_look(A, journal=replace(journal(), complaints=(late,))))
    assert "keepalived-starved" in {each.code for each in complained.ask(seen, NOW)}


def test_a_master_whose_last_change_lies_ahead_is_not_excused_for_it():
    master = VrrpReport(VrrpState.MASTER, "json", last_transition=TOMORROW)
    events = [CLOCK, AddressChanged(NOW - 5, A, VIP, present=False), VrrpReported(NOW, A, "VI_1", master)]
    answers = witnesses_disagree.ask(RuleInput(fed(healthy(), events)), NOW + 1)
    assert "master-without-address" in {each.code for each in answers if not isinstance(each, NotEvaluated)}


def test_a_stranger_that_took_the_vip_is_blamed_only_while_somebody_waits_for_it():
    gone = AddressChanged(NOW, A, VIP, present=False)
    gave_way = complaint(ComplaintKind.HIGHER_PRIORITY, "10.0.4.66", ago_s=1800)
    look = node_look(A, journal=replace(journal(), complaints=(gave_way,)))

    def found(word: VrrpState) -> list[str]:
        seen = state(gone, VrrpReported(NOW, A, "VI_1", VrrpReport(word, "json")), a=look)
        return [each.code for each in strangers.ask(seen, NOW) if not isinstance(each, NotEvaluated)]

    assert found(VrrpState.BACKUP) == ["stranger-router"]
    assert found(VrrpState.FAULT) == [], "its own check keeps it from the VIP"


def test_what_was_renewed_is_told_of_services_of_the_node_only():
    pid = UnitReported(NOW + 1, A, "nginx", UnitReport("active", "running", 0, main_pid=4712))
    seen = fed(healthy(), [pid, own(NOW + 1, OK), from_peer(NOW + 1, ProbeReport(ProbeOutcome.REFUSED))])
    assert isinstance(seen.nodes[B].services[API], Known)
    assert seen.nodes[A].renewed == seen.nodes[B].renewed == {}
