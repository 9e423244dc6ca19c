"""One step after the other: what is waited for before it, and what its command's answer means."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import pytest

from iamops.engine import steps
from iamops.engine.ports import CommandAnswer, OutcomeUnknown
from iamops.engine.steps import Stepper
from iamops.judge.run import Outcome, RestoredBy
from iamops.plan.action import Action, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.steps import StepKind
from tests.support.giving_up import GivingUp
from tests.support.pair import RESTART_BACKEND, Bench, run
from tests.support.profiles import pair
from tests.support.starting_unit import UNIT, WHY_NOT, bench_with_a_stopped_unit, started


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


async def test_a_command_that_fails_says_the_units_own_reason_too():
    bench = bench_with_a_stopped_unit()
    bench.world.own_words[UNIT] = WHY_NOT
    argv = ("sudo", "-n", "/usr/bin/systemctl", "start", f"{UNIT}.service")
    bench.hands.answers[argv] = CommandAnswer(
        1, "", "Job for iam-pump.service failed because a timeout was exceeded."
    )
    report = await started(bench, UnitVerb.START)
    assert report.outcome is Outcome.FAILED
    assert "no mongo" in report.sentence
    assert "Job for iam-pump.service failed" in report.sentence


class FreeLock:
    unlocked: Mapping[str, str] = {}

    def lost(self, _node: str) -> None:
        return None


async def interrupted(command: Callable[[], Awaitable[CommandAnswer]]) -> None:
    """The first step of a switchover is interrupted while its command is under way."""
    bench, begun = Bench(), asyncio.Event()

    async def send(*_args: object, **_options: object) -> CommandAnswer:
        begun.set()
        return await command()

    bench.hands.run = send  # type: ignore[method-assign]
    plan = plan_for(Switchover(), bench.eyes.state, bench.eyes.now())
    stepper = Stepper(plan, bench.hands, bench.eyes, FreeLock(), lambda: None, lambda: None)
    running = asyncio.create_task(stepper.forward())
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_command_under_way_ends_before_it_is_undone():
    """Files that are being replaced would otherwise be new after they were taken back."""
    replaced = asyncio.Event()

    async def replace() -> CommandAnswer:
        await asyncio.sleep(0.02)
        replaced.set()
        return CommandAnswer(0, "", "")

    await interrupted(replace)
    assert replaced.is_set()


async def test_what_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(steps, "HEARD_OUT_S", 0.01)
    given_up = asyncio.Event()

    async def hang() -> CommandAnswer:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()
        raise AssertionError

    await interrupted(hang)
    assert given_up.is_set()


async def test_a_failure_that_comes_while_it_is_waited_for_is_nobodys_any_more():
    async def fail() -> CommandAnswer:
        await asyncio.sleep(0.02)
        raise RuntimeError("the link was lost")

    await interrupted(fail)


RESTART_ON_B = ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-b")


@pytest.mark.parametrize("kind", [StepKind.ARM, StepKind.DO, StepKind.DISARM])
@pytest.mark.parametrize("action", [RESTART_ON_B, Switchover()], ids=["restart", "switchover"])
async def test_a_line_that_is_missing_in_sudoers_is_named_as_that(action: Action, kind: StepKind):
    bench = Bench()
    plan, _ = bench.engine.consider(bench.order(action))
    step = next(step for step in plan.steps if step.kind is kind)
    bench.hands.answers = {step.argv: CommandAnswer(1, "", "sudo: a password is required")}
    report = await bench.engine.run(bench.order(action), lambda report: None)
    assert report.outcome is Outcome.FAILED, report.sentence
    assert f"{step.title}: sudo: a password is required (the login user may not run this" in report.sentence
    assert "iamops profile sudoers" in report.sentence
    bench.world.fire_timers()
    assert bench.world.whole() == []
    assert bench.world.owner == (
        "iam-b" if kind is StepKind.DISARM and isinstance(action, Switchover) else "iam-a"
    )


async def test_a_stop_that_hangs_leaves_the_outcome_unknown_and_is_put_back_from_here():
    bench = Bench()

    def hang(number: int, argv: Sequence[str]) -> None:
        if tuple(argv[-2:]) == ("stop", "keepalived.service"):
            raise OutcomeUnknown("no end of `sudo -n /usr/bin/systemctl stop …` within 6 s")

    bench.hands.after = hang
    report = await bench.engine.run(bench.order(Switchover()), lambda report: None)
    assert (report.outcome, report.restored_by) == (Outcome.UNKNOWN, RestoredBy.CONSOLE)
    assert "no end of" in report.sentence
    assert bench.world.whole() == []
