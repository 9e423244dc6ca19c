"""A run as a whole: clients are served as forecast, late effects are waited for, and what is left is told."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from iamops.engine.ports import CommandAnswer, OutcomeUnknown
from iamops.judge.run import Outcome, RestoredBy, RunReport, Stage
from iamops.model.events import FilesExamined, VrrpReported
from iamops.model.exit_code import ExitCode
from iamops.model.facts import VrrpReport, VrrpState
from iamops.plan.action import Action, DrillAction, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.steps import StepKind
from iamops.report.run import run_document
from iamops.session.drills.files import load_drill
from tests.support.cluster_states import NOW, files
from tests.support.cuts import CUTS
from tests.support.meters import FixedMeter, measured
from tests.support.pair import RESTART_BACKEND, Bench, run, unknown


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


@pytest.mark.parametrize(("action", "at"), CUTS)
async def test_a_link_lost_after_any_command_is_unknown_or_whole_and_never_retried(action: Action, at: int):
    bench = Bench()
    bench.hands.after = unknown(at)
    fired_at = bench.world.time + 20

    def fire() -> None:
        if bench.world.time > fired_at:
            bench.world.fire_timers()

    bench.eyes.on_wait = fire
    report = await run(bench, action)
    sent = bench.hands.sent[at]
    changing = sent[:1] == ("sudo",)
    assert report.outcome is (Outcome.UNKNOWN if changing else Outcome.SUCCEEDED) or not changing
    assert report.outcome in (Outcome.UNKNOWN, Outcome.FAILED, Outcome.SUCCEEDED)
    bench.world.fire_timers()
    wrong = bench.world.whole()
    if isinstance(action, ServiceAction) and action.verb is UnitVerb.STOP:
        wrong = [each for each in wrong if action.unit not in each]
    assert wrong == []


async def test_a_step_without_its_effect_is_failed_and_undone():
    bench = Bench()
    bench.world.machines["iam-b"].can_hold_vip = False
    report = await run(bench, Switchover())
    assert report.outcome is Outcome.FAILED
    assert "not on iam-b" in report.sentence
    failed = next(step for step in report.steps if step.stage is Stage.FAILED)
    assert failed.step.title == "stop keepalived on iam-a"
    assert report.restored_by is RestoredBy.CONSOLE
    assert bench.world.owner == "iam-a", "a MASTER without the address was made to let go"
    assert bench.world.whole() == []


NO_WAY_BACK = (
    ServiceAction(UnitVerb.START, "iam-pump", "iam-b"),
    ServiceAction(UnitVerb.RELOAD, "nginx", "iam-b"),
)


async def interrupted_after(bench: Bench, action: ServiceAction, *, answers: bool = True) -> RunReport:
    """Ctrl-C when the command was carried out and its answer is on the way; or never comes."""
    if action.verb is UnitVerb.START:
        bench.world.machines[action.node].pids.pop(action.unit)
        bench.world.tell()
    bench.eyes.on_wait = bench.world.tell
    real = bench.hands.run

    async def slow(node: str, argv: Sequence[str], **how: Any) -> CommandAnswer:
        answer = await real(node, argv, **how)
        if str(action.verb) in argv:
            task.cancel()
            await asyncio.sleep(0 if answers else 60)
        return answer

    bench.hands.run = slow  # type: ignore[method-assign]
    task = asyncio.ensure_future(run(bench, action))
    return await task


@pytest.mark.parametrize("action", NO_WAY_BACK, ids=str)
async def test_an_interrupted_command_without_an_undo_is_looked_at_and_told_as_done(action: ServiceAction):
    bench = Bench()
    report = await interrupted_after(bench, action)
    assert (report.outcome, report.exit_code) == (Outcome.SUCCEEDED, ExitCode.OK)
    assert [step.stage for step in report.steps] == [Stage.DONE] * len(report.steps)
    assert f"interrupted, but by then this was done: {action.sentence}" in report.notes


@pytest.mark.parametrize("action", NO_WAY_BACK, ids=str)
async def test_an_interrupted_command_without_an_undo_that_nobody_saw_is_unknown(
    action: ServiceAction, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("iamops.engine.steps.LAST_LOOK_S", 0.05)
    bench = Bench()
    report = await interrupted_after(bench, action, answers=False)
    assert (report.outcome, report.exit_code) == (Outcome.UNKNOWN, ExitCode.UNKNOWN)
    assert report.steps[-1].stage is Stage.UNKNOWN
    assert report.restored_by is None
    assert "interrupted before it was seen what came of it" in report.sentence


async def test_interrupted_between_two_commands_without_an_undo_the_first_is_told_to_stay():
    bench = Bench()
    for machine in bench.world.machines.values():
        machine.pids.pop("iam-pump")
    bench.world.tell()
    action = RollingRestart("iam-pump")
    real = bench.hands.run

    async def slow(node: str, argv: Sequence[str], **how: Any) -> CommandAnswer:
        answer = await real(node, argv, **how)
        task.cancel()
        await asyncio.sleep(0)
        return answer

    bench.hands.run = slow  # type: ignore[method-assign]
    task = asyncio.ensure_future(run(bench, action))
    report = await task
    assert len(bench.hands.changes) == 1
    assert (report.outcome, report.exit_code) == (Outcome.FAILED, ExitCode.CHECK_FAILED)
    assert "not undone: restart iam-pump" in report.sentence


async def test_interrupted_when_every_step_is_done_nothing_is_called_undone():
    bench = Bench()
    real = bench.eyes.changed
    action = RESTART_BACKEND

    async def slow(timeout_s: float) -> None:
        if all(step.stage is Stage.DONE for step in seen[-1].steps):
            task.cancel()
        await real(timeout_s)
        await asyncio.sleep(0)
        bench.world.master = "iam-a"

    def tell(report: RunReport) -> None:
        seen.append(report)
        if report.steps and all(step.stage is Stage.DONE for step in report.steps) and report.outcome is None:
            bench.world.master = ""  # the steady state has to be waited for
            bench.world.tell()

    seen: list[RunReport] = []
    bench.eyes.changed = slow  # type: ignore[method-assign]
    task = asyncio.ensure_future(bench.engine.run(bench.order(action), tell))
    report = await task
    assert (report.outcome, report.interrupted) == (Outcome.UNKNOWN, True)
    assert report.exit_code is ExitCode.UNKNOWN
    assert "interrupted when every step was done" in report.sentence


OTHER = "iam-a"

COMMANDS = 30

ACTIONS: dict[str, Action] = {
    "start": ServiceAction(UnitVerb.START, "iam-apiserver", "iam-b"),
    "reload": ServiceAction(UnitVerb.RELOAD, "nginx", "iam-b"),
    "stop": ServiceAction(UnitVerb.STOP, "iam-apiserver", "iam-b"),
    "restart": ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-b"),
    "restart keepalived": ServiceAction(UnitVerb.RESTART, "keepalived", "iam-a"),
    "switchover": Switchover(),
    "rolling restart": RollingRestart("iam-apiserver"),
    "drill": DrillAction(load_drill("keepalived-stop")),
}


def made(name: str) -> Bench:
    bench = Bench()
    if name == "start":
        bench.world.machines["iam-b"].pids.pop("iam-apiserver")
        bench.world.tell()
    return bench


async def cut(
    bench: Bench, action: Action, at: int, how: Callable[[Bench, asyncio.Task[RunReport]], None]
) -> RunReport:
    def after(number: int, argv: object) -> None:
        if number == at:
            how(bench, run)

    bench.hands.after = after
    run = asyncio.ensure_future(bench.engine.run(bench.order(action), lambda report: None))
    return await asyncio.wait_for(run, 30)


def footprint(bench: Bench) -> object:
    """Where the VIP is, and which processes run. What was stopped for a moment is a new process."""
    return bench.world.owner, {name: sorted(machine.pids) for name, machine in bench.world.machines.items()}


def restarted(report: RunReport) -> list[str]:
    return [
        each.step.title
        for each in report.steps
        if each.stage is Stage.DONE and " restart " in f" {each.step.title}"
    ]


@pytest.mark.parametrize("name", ACTIONS)
async def test_interrupted_it_is_undone_only_where_everything_is_as_it_was(name: str):
    undone = left = 0
    for at in range(COMMANDS):
        bench = made(name)
        before = footprint(bench)
        report = await cut(bench, ACTIONS[name], at, lambda _, run: void(run.cancel()))
        if at >= len(bench.hands.sent):
            break
        if report.put_back:
            assert footprint(bench) == before, (at, report.sentence)
            assert not restarted(report), (at, report.sentence)
            assert report.exit_code == ExitCode.INTERRUPTED
            undone += 1
        elif report.outcome is Outcome.FAILED:
            assert report.not_undone, (at, report.sentence)
            assert all(each in report.sentence for each in report.not_undone)
            assert run_document(report, "lab")["not_undone"] == list(report.not_undone)
            left += 1
    assert undone or name in ("start",)
    assert left or name in ("reload", "stop")


@pytest.mark.parametrize("name", ACTIONS)
async def test_a_node_that_goes_dark_in_mid_action_leaves_it_unknown(name: str):
    def lost(bench: Bench, run: asyncio.Task[RunReport]) -> None:
        bench.world.power_off(OTHER)
        raise OutcomeUnknown("the link was lost")

    for at in range(COMMANDS):
        bench = made(name)
        report = await cut(bench, ACTIONS[name], at, lost)
        if at >= len(bench.hands.sent):
            break
        assert report.outcome in (Outcome.UNKNOWN, Outcome.SUCCEEDED), (at, report.sentence)


def void(_: object) -> None: ...


@pytest.mark.parametrize("verb", ["stop", "disarm"])
async def test_a_stop_after_which_nobody_serves_is_taken_back(verb: str):
    """The node that took the VIP over is lost when keepalived is stopped, or when the undo is disarmed already."""
    bench = Bench()
    last = {"stop": "keepalived.service", "disarm": "iamops-dead-man-keepalived.timer"}[verb]

    def lost(number: int, argv: Sequence[str]) -> None:
        if tuple(argv[-2:]) == ("stop", last):
            bench.world.power_off("iam-b")

    bench.hands.after = lost
    order = bench.order(ServiceAction(UnitVerb.STOP, "keepalived", "iam-a"))
    report = await bench.engine.run(order, lambda report: None)
    assert report.outcome is Outcome.UNKNOWN, report.sentence
    assert report.restored_by is RestoredBy.CONSOLE
    assert bench.world.owner == "iam-a"
    assert bench.world.machines["iam-a"].timers == {}
    assert report.not_undone == ()
