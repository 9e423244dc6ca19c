"""What must be observed after a step: true, not yet, or unknown; and nothing that is older than the step."""

from __future__ import annotations

import pytest

from iamops.model.events import (
    AddressesListed,
    DatastoreProbed,
    Event,
    HttpProbed,
    LinkChanged,
    Source,
    SourceLost,
    Target,
    UnitReported,
    VrrpReported,
)
from iamops.model.facts import Link, LinkState, ProbeOutcome, ProbeReport, UnitReport, VrrpReport, VrrpState
from iamops.plan.expectation import (
    ClientAnswered,
    DatastoreAnswers,
    DomainsAnswer,
    EffectivePriority,
    FreshWorkers,
    NoIdleMaster,
    ServiceHealthy,
    StateExpectation,
    TimerArmed,
    UnitRuns,
    UnitStopped,
    VipOn,
    VipSomewhere,
    VrrpIn,
    judge_all,
)
from iamops.plan.observation import Judgement, Observation
from tests.support.cluster_states import NOW, VIP, fed, healthy
from tests.support.profiles import pair

A, B, VI = "iam-a", "iam-b", "VI_1"
DOMAIN = pair().domains[0]
DARK = ProbeReport(ProbeOutcome.TIMEOUT, detail="no answer within 1 s")
HOLDS, NOT_YET, UNKNOWN = Judgement.HOLDS, Judgement.NOT_YET, Judgement.UNKNOWN
ALL: list[StateExpectation] = [
    VipOn(VI, A),
    VipSomewhere(VI),
    NoIdleMaster(A, VI),
    VrrpIn(A, VI, (VrrpState.MASTER,)),
    EffectivePriority(A, VI, 100),
    UnitRuns(A, "nginx"),
    ServiceHealthy(A, "iam-pump", (B,)),
    DomainsAnswer(A, (DOMAIN,)),
    ClientAnswered(VI),
    DatastoreAnswers("redis"),
]


def seen(expected: StateExpectation, *events: Event, since: float = NOW) -> Observation:
    return expected.judge(fed(healthy(), events), since, NOW + 1)


@pytest.mark.parametrize("expected", ALL, ids=lambda each: type(each).__name__)
def test_a_healthy_pair_meets_it(expected: StateExpectation):
    assert seen(expected).verdict is HOLDS, seen(expected).text


@pytest.mark.parametrize("expected", ALL[3:], ids=lambda each: type(each).__name__)
def test_what_was_seen_before_the_step_proves_nothing(expected: StateExpectation):
    reading = seen(expected, since=NOW + 0.5)
    assert (reading.verdict, reading.old) == (NOT_YET, True)


def test_a_vip_on_two_nodes_is_on_neither_alone():
    both = AddressesListed(NOW, B, frozenset({"10.0.4.21", VIP}))
    assert seen(VipOn(VI, A), both).verdict is NOT_YET
    assert seen(VipSomewhere(VI), both).verdict is NOT_YET


def test_a_vip_of_a_node_that_cannot_be_seen_is_unknown_and_not_gone():
    down = LinkChanged(NOW + 1, A, Link(LinkState.DOWN, NOW + 1))
    assert seen(VipOn(VI, A), down).verdict is UNKNOWN
    assert seen(VipSomewhere(VI), down).verdict is UNKNOWN


def test_a_master_without_its_vip_keeps_it_from_everyone():
    idle = VrrpReported(NOW, B, VI, VrrpReport(VrrpState.MASTER, "json", 50, 50, NOW))
    reading = seen(NoIdleMaster(B, VI), idle)
    assert (reading.verdict, reading.text) == (NOT_YET, "iam-b is MASTER and has no VIP")


def test_a_priority_that_keepalived_does_not_tell_is_unknown():
    logged = VrrpReported(NOW, A, VI, VrrpReport(VrrpState.MASTER, "json", 100, None, NOW))
    assert seen(EffectivePriority(A, VI, 100), logged).verdict is UNKNOWN


def test_a_restarted_unit_runs_with_another_process():
    assert seen(UnitRuns(A, "nginx", other_than=400)).verdict is NOT_YET
    again = UnitReported(NOW, A, "nginx", UnitReport("active", "running", 0, 401))
    assert seen(UnitRuns(A, "nginx", other_than=400), again).verdict is HOLDS


def test_a_unit_is_stopped_once_systemd_says_so():
    assert seen(UnitStopped(A, "nginx")).verdict is NOT_YET
    assert seen(UnitStopped(A, "nginx"), UnitReported(NOW, A, "nginx", UnitReport("inactive"))).verdict is HOLDS


def test_a_service_that_one_peer_does_not_reach_is_not_healthy():
    refused = HttpProbed(NOW, A, B, Target.SERVICE, "iam-pump", DARK)
    reading = seen(ServiceHealthy(A, "iam-pump", (B,)), refused)
    assert (reading.verdict, reading.text) == (NOT_YET, "iam-pump on iam-a, iam-b: no answer within 1 s")
    assert seen(ServiceHealthy(A, "iam-pump"), refused).verdict is HOLDS


def test_a_datastore_is_asked_of_the_nodes_that_are_named():
    dark = DatastoreProbed(NOW, B, "redis", DARK)
    assert seen(DatastoreAnswers("redis"), dark).verdict is NOT_YET
    assert seen(DatastoreAnswers("redis", (A,)), dark).verdict is HOLDS


def test_a_source_that_is_lost_makes_it_unknown():
    lost = SourceLost(NOW + 1, A, Source.UNITS, "no shell")
    reading = seen(UnitRuns(A, "nginx"), lost)
    assert (reading.verdict, reading.text) == (UNKNOWN, "nginx on iam-a: no shell")


@pytest.mark.parametrize("expected", [UnitRuns(A, "sshd"), UnitStopped(A, "sshd")])
def test_a_unit_that_the_profile_does_not_have_is_unknown(expected: StateExpectation):
    reading = seen(expected)
    assert (reading.verdict, reading.text) == (UNKNOWN, "sshd on iam-a: the profile has no such unit there")


def test_of_several_readings_the_worst_is_told_and_unknown_is_worst():
    state = fed(healthy(), [SourceLost(NOW + 1, A, Source.UNITS, "no shell")])
    expected = [UnitStopped(B, "nginx"), UnitRuns(A, "nginx"), VipOn(VI, A)]
    assert judge_all(expected, state, NOW, NOW + 1).verdict is UNKNOWN
    assert judge_all(expected[::2], state, NOW, NOW + 1).verdict is NOT_YET
    assert judge_all((), state, NOW, NOW + 1).verdict is HOLDS


@pytest.mark.parametrize(
    ("status", "text", "armed", "gone"),
    [
        (0, "ActiveState=active\nLoadState=loaded\n", HOLDS, NOT_YET),
        (0, "ActiveState=inactive\nLoadState=not-found\n", NOT_YET, HOLDS),
        (1, "ActiveState=active\n", UNKNOWN, UNKNOWN),
        (0, "", UNKNOWN, UNKNOWN),
    ],
)
def test_a_timer_is_armed_or_gone_by_systemds_word(status: int, text: str, armed: Judgement, gone: Judgement):
    name = "iamops-dead-man-x"
    assert TimerArmed(A, name).judge_output(status, text, 1.0).verdict is armed
    assert TimerArmed(A, name, armed=False).judge_output(status, text, 1.0).verdict is gone


def test_a_worker_that_is_younger_than_the_step_took_the_reload():
    fresh = FreshWorkers(A, "nginx", 41)
    assert fresh.judge_output(0, "  2\n 900\n", 1.5).verdict is HOLDS
    assert fresh.judge_output(0, " 900\n", 1.5).verdict is NOT_YET
    assert fresh.judge_output(1, "", 1.5).verdict is UNKNOWN
