"""What undoes a run that is cut anywhere: armed before, seen armed, disarmed after, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from iamops.engine.ports import CommandAnswer, NotSent
from iamops.judge.run import Outcome, RunReport
from iamops.plan.action import Action, ServiceAction, Switchover, UnitVerb
from iamops.plan.checks import ROOM_ARGV
from iamops.plan.steps import StepKind
from tests.support.cuts import CUTS
from tests.support.pair import RESTART_BACKEND, Bench, Killed, run


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


# systemd 252 on a full tmpfs, and coreutils 9.1 beside it.
RIDDLE = "Failed to start transient timer unit: Unit iamops-dead-man-iam-apiserver.timer not found."

DF = "    Avail   IFree\n{0:9d}{1:8d}\n"


@pytest.mark.parametrize("action", [ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-b"), Switchover()])
@pytest.mark.parametrize(
    ("left", "says"), [((0, 819), "/run on {} is full"), ((5120, 0), "has no room"), ((9, 9), "")]
)
async def test_an_undo_that_cannot_be_armed_for_want_of_room_says_so(
    action: Action, left: tuple[int, int], says: str
):
    bench = Bench()
    plan, _ = bench.engine.consider(bench.order(action))
    armed = next(step for step in plan.steps if step.kind is StepKind.ARM)
    bench.hands.answers = {
        armed.argv: CommandAnswer(1, "", RIDDLE),
        ROOM_ARGV: CommandAnswer(0, DF.format(*left), ""),
    }
    report = await bench.engine.run(bench.order(action), lambda report: None)
    assert report.outcome is Outcome.FAILED
    assert RIDDLE in report.sentence
    assert says.format(armed.node) in report.sentence
    assert ("/run" in report.sentence) is bool(says)
    assert not any(verb in argv for argv in bench.hands.changes for verb in ("restart", "stop"))
