"""The engine on a simulated pair: what is sent, in which order, and what is left when it is cut anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from iamops.engine.ports import CommandAnswer, NotSent
from iamops.judge.run import Outcome, RestoredBy, RunReport, Stage
from iamops.model.exit_code import ExitCode
from iamops.plan.action import Action, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.steps import StepKind
from iamops.report.run import exit_code
from tests.support.pair import Bench, Killed, unknown

RESTART_BACKEND = ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-a")
STOPPING: tuple[Action, ...] = (
    Switchover(),
    Switchover(plain=True),
    RESTART_BACKEND,
    ServiceAction(UnitVerb.RESTART, "nginx", "iam-a"),
    ServiceAction(UnitVerb.RESTART, "keepalived", "iam-a"),
    ServiceAction(UnitVerb.STOP, "keepalived", "iam-a"),
    ServiceAction(UnitVerb.STOP, "nginx", "iam-b"),
    RollingRestart("iam-authz-server"),
    RollingRestart("keepalived"),
)


async def run(bench: Bench, action: Action, **changes: object) -> RunReport:
    return await bench.engine.run(bench.order(action, **changes), lambda report: None)


def commands(action: Action) -> int:
    """How many commands an undisturbed run sends: every one of them is a place to be cut."""
    bench = Bench()
    report = asyncio.run(run(bench, action))
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    return len(bench.hands.sent)


CUTS = [(action, at) for action in STOPPING for at in range(commands(action))]


async def test_a_switchover_sends_exactly_what_the_plan_says():
    bench = Bench()
    plan, denied = bench.engine.consider(bench.order(Switchover()))
    report = await run(bench, Switchover())
    assert denied == ()
    assert report.outcome is Outcome.SUCCEEDED
    assert bench.world.owner == "iam-b"
    assert bench.hands.changes == [step.argv[2:] for step in plan.steps]
    assert bench.world.whole() == []


async def test_the_intent_is_recorded_before_the_first_change_and_the_outcome_after_the_last():
    bench = Bench()
    seen: list[int] = []
    bench.hands.before = lambda number, argv: seen.append(len(bench.records.kept))
    await run(bench, Switchover(), reason="maintenance")
    assert set(seen) == {1}
    (intent, begun), (outcome, ended) = bench.records.kept
    assert (intent, outcome) == ("intent", "outcome")
    assert begun["reason"] == "maintenance"
    assert ended["outcome"] == "succeeded"
    assert ended["before" if "before" in ended else "after"]["owners"] == {"VI_1": ["iam-b"]}


async def test_every_undo_is_armed_and_seen_armed_before_what_it_undoes():
    bench = Bench()
    plan, _ = bench.engine.consider(bench.order(Switchover()))
    armed: set[str] = set()
    for step in plan.steps:
        if step.kind is StepKind.ARM and step.undo is not None:
            assert step.expect
            armed.add(step.undo.name)
        assert step.requires_undo is None or step.requires_undo in armed


@pytest.mark.parametrize(("action", "at"), CUTS)
async def test_a_console_killed_after_any_command_leaves_a_pair_that_comes_back(action: Action, at: int):
    bench = Bench()

    def kill(number: int, argv: object) -> None:
        if number == at:
            raise Killed

    bench.hands.after = kill
    with pytest.raises(Killed):
        await run(bench, action)
    # Nothing of the console runs any more: only what was armed on the nodes can help.
    bench.world.fire_timers()
    wrong = bench.world.whole()
    if isinstance(action, ServiceAction) and action.verb is UnitVerb.STOP and was_disarmed(bench):
        wrong = [each for each in wrong if action.unit not in each]
    assert wrong == []


@pytest.mark.parametrize(("action", "at"), CUTS)
async def test_a_console_that_stood_still_before_any_command_until_all_undos_had_fired_does_no_harm(
    action: Action, at: int
):
    """The worst of it: with that command, the links are lost, so that nothing can be undone from here."""
    bench = Bench()

    def stood_still(number: int, argv: object) -> None:
        if number == at:
            bench.world.fire_timers()
        if number > at:
            raise NotSent("the link is lost")

    bench.hands.before = stood_still
    await run(bench, action)
    bench.world.fire_timers()  # one that was armed by this very command
    wrong = bench.world.whole()
    if isinstance(action, ServiceAction) and action.verb is UnitVerb.STOP and was_disarmed(bench):
        wrong = [each for each in wrong if action.unit not in each]
    assert wrong == []


def was_disarmed(bench: Bench) -> bool:
    """After its undo was disarmed, a stop is what was asked for."""
    return any(argv[0] == "sudo" and argv[-1].endswith(".timer") for argv in bench.hands.sent)


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


@pytest.mark.parametrize(("action", "at"), CUTS)
async def test_a_cancelled_run_undoes_whatever_it_had_begun(action: Action, at: int):
    bench = Bench()
    task: asyncio.Task[RunReport]

    def cancel(number: int, argv: object) -> None:
        if number == at:
            task.cancel()

    bench.hands.after = cancel

    async def breathe(timeout_s: float) -> None:
        await asyncio.sleep(0)
        bench.world.wait(timeout_s)

    bench.eyes.changed = breathe  # type: ignore[method-assign]
    task = asyncio.ensure_future(run(bench, action))
    report = await task
    assert bench.hands.sent[at]
    done = not report.interrupted or "when every step was done" in report.sentence
    stopped = isinstance(action, ServiceAction) and action.verb is UnitVerb.STOP and done
    wrong = [w for w in bench.world.whole() if not (stopped and action.unit in w)]  # type: ignore[union-attr]
    assert wrong == []
    assert report.outcome is not None


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


async def test_an_unarmed_undo_stops_the_run_before_anything_is_changed():
    bench = Bench()
    bench.hands.ineffective = {"systemd-run"}
    report = await run(bench, RESTART_BACKEND)
    assert report.outcome is Outcome.FAILED
    assert not any("restart" in argv for argv in bench.hands.changes)
    assert bench.world.machines["iam-a"].pids["iam-apiserver"] == 100


async def test_a_timer_of_someone_else_is_not_disarmed_by_us():
    bench = Bench()
    unit = "iamops-dead-man-iam-apiserver"

    def race(number: int, argv: object) -> None:
        bench.world.machines["iam-a"].timers.setdefault(unit, ("/usr/bin/systemctl", "start", "x.service"))

    bench.hands.before = race
    report = await run(bench, RESTART_BACKEND)
    assert report.outcome is Outcome.FAILED
    assert unit in bench.world.machines["iam-a"].timers


@pytest.mark.parametrize(
    "action",
    [
        ServiceAction(UnitVerb.STOP, "iam-pump", "iam-b"),
        ServiceAction(UnitVerb.RESTART, "nginx", "iam-b"),
        Switchover(),
    ],
)
async def test_a_unit_that_crashes_again_and_again_voids_no_plan_that_was_shown(action: Action):
    bench = Bench()
    plan, _ = bench.engine.consider(bench.order(action))
    bench.eyes.on_fresh = lambda: bench.world.machines["iam-b"].pids.update({"iam-pump": 4711})
    report = await run(bench, action, shown=plan.fingerprint)
    assert report.outcome is Outcome.SUCCEEDED, report.sentence


async def test_a_ledger_that_cannot_be_written_refuses_before_anything_is_sent():
    bench = Bench()
    bench.records.full = True
    report = await run(bench, RESTART_BACKEND)
    assert [denial.code for denial in report.denials] == ["audit-unwritable"]
    assert bench.hands.sent == []
    assert bench.hands.locks == []


async def test_a_held_lock_refuses_and_says_who():
    bench = Bench()
    bench.hands.held_by = "bob@desk from 10.0.4.1 holds iam-a since 12:00: switchover"
    report = await run(bench, RESTART_BACKEND)
    assert [denial.code for denial in report.denials] == ["locked"]
    assert "bob@desk" in report.sentence
    assert bench.hands.sent == []


async def test_every_reachable_node_is_locked_in_the_order_of_addresses():
    bench = Bench()
    await run(bench, ServiceAction(UnitVerb.RESTART, "iam-pump", "iam-b"))
    assert bench.hands.locks == [("iam-a", "iam-b")]


async def test_a_lost_lock_ends_the_run_before_the_next_step():
    bench = Bench()

    def lose(number: int, argv: object) -> None:
        if number == 2:
            bench.hands.lock_lost = "the console was asleep for 30 s"

    bench.hands.after = lose
    report = await run(bench, Switchover())
    assert report.outcome is not Outcome.SUCCEEDED
    assert not any(
        argv[:3] == ("/usr/bin/systemctl", "stop", "keepalived.service") for argv in bench.hands.changes
    )


async def test_a_broken_configuration_is_refused_before_the_daemon_is_touched():
    bench = Bench()
    check = ("sudo", "-n", "/usr/sbin/nginx", "-t", "-q")
    bench.hands.answers[check] = CommandAnswer(
        1, "", 'nginx: [emerg] unknown directive "sever" in /etc/nginx/nginx.conf:3'
    )
    report = await run(bench, ServiceAction(UnitVerb.RESTART, "nginx", "iam-a"))
    assert report.outcome is Outcome.REFUSED
    assert [denial.code for denial in report.denials] == ["config-invalid"]
    assert "nginx.conf:3" in report.sentence
    assert bench.hands.changes == [check[2:]]


async def test_the_other_node_dying_in_mid_switchover_brings_the_vip_back():
    bench = Bench()

    def die(number: int, argv: object) -> None:
        if "stop" in argv and "keepalived.service" in argv:  # type: ignore[operator]  # always argv here
            bench.world.power_off("iam-b")

    bench.hands.after = die
    report = await run(bench, Switchover())
    assert report.outcome in (Outcome.FAILED, Outcome.UNKNOWN)
    assert bench.world.owner == "iam-a"
    assert "keepalived" in bench.world.machines["iam-a"].pids
    assert bench.world.machines["iam-a"].timers == {}


async def test_a_rolling_restart_takes_the_owner_last_and_one_at_a_time():
    bench = Bench()
    report = await run(bench, RollingRestart("nginx"))
    assert report.outcome is Outcome.SUCCEEDED
    restarts = [step for step in report.steps if step.step.title.startswith("restart")]
    assert [step.step.node for step in restarts] == ["iam-b", "iam-a"]
    first, second = restarts
    assert first.ended is not None
    assert second.began is not None
    assert first.ended <= second.began


async def test_what_is_already_so_changes_nothing():
    bench = Bench()
    report = await run(bench, Switchover(to="iam-a"))
    assert report.outcome is Outcome.SUCCEEDED
    assert "nothing to do" in report.sentence
    assert bench.hands.sent == []


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
    assert (report.outcome, exit_code(report)) == (Outcome.SUCCEEDED, ExitCode.OK)
    assert [step.stage for step in report.steps] == [Stage.DONE] * len(report.steps)
    assert f"interrupted, but by then this was done: {action.sentence}" in report.notes


@pytest.mark.parametrize("action", NO_WAY_BACK, ids=str)
async def test_an_interrupted_command_without_an_undo_that_nobody_saw_is_unknown(
    action: ServiceAction, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("iamops.engine.steps.LAST_LOOK_S", 0.05)
    bench = Bench()
    report = await interrupted_after(bench, action, answers=False)
    assert (report.outcome, exit_code(report)) == (Outcome.UNKNOWN, ExitCode.UNKNOWN)
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
    assert (report.outcome, exit_code(report)) == (Outcome.FAILED, ExitCode.CHECK_FAILED)
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
    assert exit_code(report) is ExitCode.UNKNOWN
    assert "interrupted when every step was done" in report.sentence


@pytest.mark.parametrize(("lost", "after"), [("iam-a", "stop"), ("iam-b", "/usr/bin/dd")])
async def test_nothing_is_told_of_a_node_that_is_off_but_since_when_it_is_not_seen(lost: str, after: str):
    bench = Bench()

    def die(number: int, argv: Sequence[str]) -> None:
        if after in argv and bench.world.machines[lost].reachable:
            bench.world.power_off(lost)

    bench.hands.after = die
    bench.eyes.on_wait = bench.world.tell
    report = await run(bench, Switchover())
    truth = report.sentence.partition("now: ")[2]
    assert f"{lost} is not seen since " in truth
    assert not any(word in truth for word in (f"on {lost} is", f"MASTER on {lost}", f"priority of {lost}"))
    assert exit_code(report) is ExitCode.UNKNOWN


async def test_nothing_is_stopped_when_the_timer_that_protects_it_is_over():
    """The console stood still between arming and stopping, for longer than the undo waits."""
    bench = Bench()

    def stood_still(number: int, argv: Sequence[str]) -> None:
        if argv[-1] == "iamops-dead-man-keepalived.timer" and bench.world.machines["iam-a"].timers:
            bench.world.wait(bench.world.profile.safety.dead_man_s + 1)
            bench.world.fire_timers()

    bench.hands.after = stood_still
    report = await run(bench, Switchover())
    assert report.outcome is Outcome.FAILED, report.sentence
    assert not any(argv[1:3] == ("stop", "keepalived.service") for argv in bench.hands.changes)
    assert bench.world.whole() == []
