"""Units and services: do they run, are they healthy, and do their peers reach them?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.judge.findings import NotEvaluated
from iamops.judge.rules import findings
from iamops.judge.rules.base import RuleInput
from iamops.judge.rules.services import peers_refused
from iamops.judge.triage.diagnose import diagnose
from iamops.model.events import Event, HttpProbed, Source, SourceLost, Target, UnitReported
from iamops.model.facts import ProbeOutcome, ProbeReport, UnitReport
from iamops.model.inspection import JournalEventKind
from iamops.model.observed import Known
from tests.support.cluster_states import NOW, OK, fed, healthy
from tests.support.finding_samples import REFUSED
from tests.support.looks import LATER, A, B, journal, node_look, view
from tests.support.own_probes import own
from tests.support.rule_codes import codes


def test_a_service_that_is_seen_between_two_of_its_crashes_does_not_run():
    crashes = journal(*((ago, "iam-pump", JournalEventKind.CRASHED, "iam-pump", "exited") for ago in (12, 8, 4)))
    bad = HttpProbed(NOW, B, B, Target.SERVICE, "iam-pump", ProbeReport(ProbeOutcome.REFUSED))
    (root,) = diagnose(view(fed(healthy(), [bad]), b=node_look(B, journal=crashes)), LATER).findings
    assert root.title == "iam-pump on iam-b does not stay up: it crashed 3 times in 8 s"
    assert [each.code for each in root.explains] == ["service-unhealthy"]


def test_a_unit_that_somebody_killed_was_killed_and_did_not_fail_to_start():
    killed = UnitReport("failed", "failed", exits="killed by KILL", reason="Printing VRRP as json")
    (found,) = findings(fed(healthy(), [UnitReported(NOW, "iam-b", "iam-pump", killed)]), NOW + 2)
    assert (found.title, found.next) == ("iam-pump on iam-b was killed by KILL", "iamops start iam-pump iam-b")
    assert not any("Printing" in each.value for each in found.evidence)
    looping = replace(killed, sub="auto-restart", exits="killed by KILL, 13 times in 70 s")
    (found,) = findings(fed(healthy(), [UnitReported(NOW, "iam-b", "iam-pump", looping)]), NOW + 2)
    assert "does not start: killed by KILL, 13 times" in found.title


def test_a_stopped_unit_is_said_once_and_not_as_unhealthy_too():
    stopped = UnitReported(NOW, "iam-a", "iam-pump", UnitReport("inactive", "dead"))
    refused = ProbeReport(ProbeOutcome.REFUSED)
    probed = HttpProbed(NOW, "iam-a", "iam-a", Target.SERVICE, "iam-pump", refused)
    peer = HttpProbed(NOW, "iam-a", "iam-b", Target.SERVICE, "iam-pump", refused)
    assert codes(stopped, probed, peer) == ["unit-down"]


def test_a_backend_that_only_its_own_node_can_reach_is_found():
    refused = ProbeReport(ProbeOutcome.REFUSED)
    assert codes(HttpProbed(NOW, "iam-b", "iam-a", Target.SERVICE, "iam-apiserver", refused)) == [
        "backend-not-reachable"
    ]


API = "iam-apiserver"


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


def test_what_was_renewed_is_told_of_services_of_the_node_only():
    pid = UnitReported(NOW + 1, A, "nginx", UnitReport("active", "running", 0, main_pid=4712))
    seen = fed(healthy(), [pid, own(NOW + 1, OK), from_peer(NOW + 1, ProbeReport(ProbeOutcome.REFUSED))])
    assert isinstance(seen.nodes[B].services[API], Known)
    assert seen.nodes[A].renewed == seen.nodes[B].renewed == {}
