"""Success means that clients are served: backends are waited for, gaps judged, late effects watched for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from iamops.engine.ports import CommandAnswer
from iamops.judge.run import Outcome, RunReport
from iamops.model.events import FilesExamined, VrrpReported
from iamops.model.facts import VrrpReport, VrrpState
from iamops.model.outage import GapReport, ProbeResult, ProbeRow, Samples, Segment, gap_report
from iamops.plan.action import Action, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.steps import StepKind
from tests.support.cluster_states import NOW, files
from tests.support.giving_up import GivingUp
from tests.support.pair import Bench
from tests.support.profiles import pair

RESTART_BACKEND = ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-a")


async def run(bench: Bench, action: Action, **changes: object) -> RunReport:
    return await bench.engine.run(bench.order(action, **changes), lambda report: None)


async def test_no_second_backend_is_stopped_before_nginx_has_taken_the_first_one_back():
    bench = Bench()
    bench.hands.given_up.add("iam-b")
    waited: list[float] = []

    def take_back() -> None:
        waited.append(bench.world.time)
        if len(waited) > 8:
            bench.hands.given_up.clear()

    bench.eyes.on_wait = take_back
    report = await run(bench, RollingRestart("iam-apiserver"))
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    wait = next(step for step in report.steps if step.step.title.startswith("wait until nginx"))
    second = next(step for step in report.steps if step.step.title == "restart iam-apiserver on iam-a")
    assert wait.ended is not None
    assert second.began is not None
    assert second.began >= wait.ended


async def test_a_backend_without_another_one_behind_nginx_is_refused_untouched():
    bench = Bench()
    bench.hands.given_up.add("iam-b")
    report = await run(bench, RESTART_BACKEND)
    assert (report.outcome, [d.code for d in report.denials]) == (Outcome.REFUSED, ["last-backend"])
    assert bench.hands.changes == []
    insisted = await run(bench, RESTART_BACKEND, overrides=("last-backend",), reason="maintenance")
    assert any("systemctl restart" in " ".join(argv) for argv in bench.hands.changes)
    assert insisted.outcome is Outcome.SUCCEEDED, insisted.sentence


def as_the_profile_does(endpoint: str) -> str:
    return endpoint


def by_a_second_interface(endpoint: str) -> str:
    return endpoint.replace("10.0.4.", "192.168.7.").replace("127.0.0.1", "127.0.1.1")


NGINXES = pytest.mark.parametrize(
    ("zone", "tells", "spelled", "way"),
    [
        (zone, tells, spelled, way)
        for zone in (True, False)
        for tells in (True, False)
        for spelled in (as_the_profile_does, by_a_second_interface)
        for way in (
            {},
            {"even": False},
            {"backups": ("iam-a",)},
            {"backups": ("iam-b",)},
            {"fail_timeout_s": 10.0},
        )
        if tells or spelled is as_the_profile_does
    ],
)


@NGINXES
async def test_a_rolling_restart_never_stops_a_backend_while_an_nginx_has_the_other_given_up(
    zone: bool, tells: bool, spelled: Callable[[str], str], way: dict[str, Any]
):
    bench = Bench()
    nginx = GivingUp(bench, zone=zone, tells=tells, spelled=spelled, **way)
    report = await run(bench, RollingRestart("iam-apiserver"))
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    assert len(nginx.until) == 4 * len(nginx.workers)
    assert nginx.dark == []


@NGINXES
async def test_a_restart_right_after_somebody_restarted_the_other_backend_waits_for_every_nginx(
    zone: bool, tells: bool, spelled: Callable[[str], str], way: dict[str, Any]
):
    bench = Bench()
    nginx = GivingUp(bench, zone=zone, tells=tells, spelled=spelled, **way)
    nginx.give_up("iam-b")
    report = await run(bench, RESTART_BACKEND)
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    assert nginx.dark == []


THREE = {f"iam-{x}": {"address": f"10.0.4.2{n}", "priority": 100 - 10 * n} for n, x in enumerate("abc")}


@pytest.mark.parametrize("zone", [True, False])
async def test_a_restart_of_a_drained_backend_is_no_wait_for_another_one(zone: bool):
    """It is the first of three, and nobody waits for it: iam-a may still be given up when iam-c is to stop."""
    bench = Bench(pair(nodes=THREE))
    nginx = GivingUp(bench, zone=zone, tells=False, drained=("iam-b",), fail_timeout_s=10.0)
    nginx.give_up("iam-a")
    report = await run(bench, RollingRestart("iam-apiserver"))
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    assert [step.step.node for step in report.steps if step.step.kind is StepKind.DO] == [
        "iam-b",
        "iam-c",
        "iam-a",
    ]
    assert nginx.dark == []


@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize(
    "action",
    [RESTART_BACKEND, ServiceAction(UnitVerb.STOP, "iam-apiserver", "iam-a"), RollingRestart("iam-apiserver")],
)
async def test_the_only_backend_that_is_not_drained_is_left_alone(action: Action, tells: bool):
    bench = Bench()
    nginx = GivingUp(bench, tells=tells, drained=("iam-b",))
    plan, denied = bench.engine.consider(bench.order(action))
    assert [(each.code, each.overridable) for each in denied] == [("last-backend", True)]
    assert "iam-b (drained or missing in nginx on iam-a and iam-b)" in denied[0].reason
    assert "nothing else serves it (iam-b: drained" in plan.prediction
    assert plan.forecast is not None
    assert plan.forecast.gap_s is None
    report = await run(bench, action)
    assert (report.outcome, bench.hands.changes, nginx.until) == (Outcome.REFUSED, [], {})


async def test_a_drained_backend_is_restarted_without_ado():
    bench = Bench()
    nginx = GivingUp(bench, drained=("iam-b",))
    report = await run(bench, ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-b"))
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    assert nginx.dark == []


class FixedMeter:
    """A client that has measured this."""

    def __init__(self, report: GapReport) -> None:
        self._report = report

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def report(self) -> GapReport:
        return self._report

    def samples(self) -> Samples:
        return Samples()


def measured(*failed_s: float) -> GapReport:
    """Gaps of these lengths, a second apart."""
    segments, at = [Segment(ProbeResult.GOOD, "iam-a", 0.0, 1.0, 100)], 1.0
    for length_s in failed_s:
        segments += [
            Segment(ProbeResult.WRONG, None, at, at + length_s, 10),
            Segment(ProbeResult.GOOD, "iam-a", at + length_s, at + length_s + 1, 100),
        ]
        at += length_s + 1
    return gap_report([ProbeRow(tuple(segments), 0.01)])


@pytest.mark.parametrize(
    ("gaps_s", "outcome"),
    [
        ((), Outcome.SUCCEEDED),
        ((0.02,), Outcome.SUCCEEDED),
        ((8.7,), Outcome.FAILED),
        (tuple([0.01] * 80), Outcome.FAILED),
    ],
)
async def test_success_means_that_clients_were_served_as_forecast(gaps_s: tuple[float, ...], outcome: Outcome):
    bench = Bench()
    bench.engine.meter = lambda plan: FixedMeter(measured(*gaps_s))
    report = await run(bench, RollingRestart("iam-apiserver"))
    assert report.outcome is outcome, report.sentence
    assert ("no good answer" in report.sentence) is (outcome is Outcome.FAILED)


async def test_a_client_that_nobody_can_measure_is_said_to_be_unmeasured():
    report = await run(Bench(), Switchover())
    assert any("what a client loses is not measured" in note for note in report.notes)


async def test_effects_that_show_late_are_waited_for():
    """A keepalived that hears nobody becomes master only after its master-down interval."""
    bench = Bench()
    began = bench.world.time
    report = await run(bench, ServiceAction(UnitVerb.RESTART, "keepalived", "iam-b"))
    assert report.outcome is Outcome.SUCCEEDED
    done = next(step for step in report.steps if step.step.kind is StepKind.DO)
    assert report.ended is not None
    assert done.ended is not None
    assert report.ended - done.ended >= 3.8
    assert began < done.ended


async def test_a_vip_that_moves_after_the_last_step_is_no_success():
    bench = Bench()

    def fall() -> None:
        restarted = bench.world.machines["iam-a"].pids.get("nginx") != 100
        if restarted and not bench.world.machines["iam-a"].timers and bench.world.master == "iam-a":
            bench.world.master = "iam-b"
        bench.world.tell()

    bench.eyes.on_wait = fall
    report = await run(bench, ServiceAction(UnitVerb.RESTART, "nginx", "iam-a"))
    assert report.outcome is Outcome.FAILED
    assert "is on iam-b" in report.sentence


def other_files(bench: Bench, *checks: tuple[str, ...]) -> None:
    """nginx on iam-b would read other files than it runs with."""
    report = replace(files(bench.world.profile, "iam-b"), current=frozenset(), checks=checks)
    bench.world.store.apply(FilesExamined(NOW, "iam-b", report))


def in_fault(bench: Bench, from_s: float, until_s: float = math.inf) -> None:
    """keepalived on iam-b says FAULT between these times from now."""
    began, tell = bench.world.time, bench.world.tell

    def told() -> None:
        tell()
        if from_s < bench.world.time - began < until_s:
            report = VrrpReport(VrrpState.FAULT, "json", 50, 50, bench.world.time)
            bench.world.store.apply(VrrpReported(bench.world.time, "iam-b", "VI_1", report))

    bench.world.tell = told  # type: ignore[method-assign]  # the world goes on by itself
    bench.eyes.on_wait = told


async def test_a_standby_that_falls_into_fault_when_its_check_has_failed_often_enough_is_no_success():
    bench = Bench()
    other_files(bench)
    in_fault(bench, from_s=10)
    report = await run(bench, ServiceAction(UnitVerb.RELOAD, "nginx", "iam-b"))
    assert report.outcome is Outcome.FAILED, report.sentence
    assert "VI_1 is FAULT on iam-b" in report.sentence


async def test_a_fault_that_an_earlier_change_left_has_the_time_that_its_check_takes_to_see_the_cure():
    bench = Bench()
    other_files(bench)
    began = bench.world.time
    in_fault(bench, from_s=10, until_s=21)
    report = await run(bench, ServiceAction(UnitVerb.RELOAD, "nginx", "iam-b"))
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    assert bench.world.time - began > 21


async def test_the_last_answer_of_an_old_worker_says_nothing_of_the_new_ones():
    """nginx took the reload and its new workers answer nothing: what was healthy before they came is no proof."""
    bench = Bench()
    other_files(bench)

    def hangs() -> None:
        bench.world.silent.add("nginx")

    bench.world.on_look = hangs
    report = await run(bench, ServiceAction(UnitVerb.RELOAD, "nginx", "iam-b"))
    assert report.outcome is Outcome.FAILED, report.sentence
    assert "no answer since" in report.sentence


async def test_a_check_that_says_no_after_a_reload_is_no_success():
    bench, check = Bench(), ("bash", "-c", "ask", "check_nginx.sh", "2")
    other_files(bench, check)
    asked = await run(bench, ServiceAction(UnitVerb.RELOAD, "nginx", "iam-b"))
    assert asked.outcome is Outcome.SUCCEEDED, asked.sentence
    assert check in bench.hands.sent
    bench.hands.answers[check] = CommandAnswer(1, "", "")
    refused = await run(bench, ServiceAction(UnitVerb.RELOAD, "nginx", "iam-b"))
    assert refused.outcome is Outcome.FAILED
    assert "keepalived's check on iam-b says no (exit 1)" in refused.sentence
