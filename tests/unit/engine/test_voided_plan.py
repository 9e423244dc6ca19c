"""What voids a plan between the moment it was made or read and the lock, and what does not."""

from __future__ import annotations

from iamops.judge.run import Outcome
from iamops.plan.action import ServiceAction, Switchover, UnitVerb
from tests.support.pair import Bench
from tests.unit.engine.test_engine import RESTART_BACKEND, run


async def test_a_track_file_that_goes_before_the_lock_voids_the_quick_move_that_was_shown():
    bench = Bench()
    plan, _ = bench.engine.consider(bench.order(Switchover()))
    assert "about 0.01 s" in plan.prediction
    bench.eyes.on_fresh = lambda: setattr(bench.world.machines["iam-b"], "track_files", ())
    report = await run(bench, Switchover(), shown=plan.fingerprint)
    assert [denial.code for denial in report.denials] == ["state-changed"]
    assert bench.hands.changes == []


async def test_a_changed_state_voids_the_plan_that_was_shown():
    bench = Bench()
    order = bench.order(RESTART_BACKEND)
    plan, _ = bench.engine.consider(order)

    def restarted() -> None:
        bench.world.machines["iam-a"].pids["iam-apiserver"] = 4711

    bench.eyes.on_fresh = restarted
    report = await run(bench, RESTART_BACKEND, shown=plan.fingerprint)
    assert [denial.code for denial in report.denials] == ["state-changed"]
    assert bench.hands.sent == []


def falling_into_fault(bench: Bench) -> None:
    """keepalived's check finds by now what the command before did."""
    bench.world.machines["iam-b"].priority -= 10


async def test_a_plan_that_nobody_read_is_void_only_when_something_else_would_be_done():
    bench = Bench()
    del bench.world.machines["iam-b"].pids["nginx"]
    bench.world.tell()
    start = ServiceAction(UnitVerb.START, "nginx", "iam-b")
    plan, _ = bench.engine.consider(bench.order(start))
    bench.eyes.on_fresh = lambda: falling_into_fault(bench)
    report = await run(bench, start)
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    assert report.plan is not None
    assert report.plan.fingerprint != plan.fingerprint


async def test_a_plan_that_was_read_is_void_with_any_change_of_vrrp():
    bench = Bench()
    plan, _ = bench.engine.consider(bench.order(Switchover()))
    bench.eyes.on_fresh = lambda: falling_into_fault(bench)
    report = await run(bench, Switchover(), shown=plan.fingerprint)
    assert [denial.code for denial in report.denials] == ["state-changed"]


async def test_a_plan_that_nobody_read_is_void_when_the_vip_has_moved():
    bench = Bench()

    def moved() -> None:
        bench.world.master = "iam-b"

    bench.eyes.on_fresh = moved
    report = await run(bench, ServiceAction(UnitVerb.STOP, "iam-pump", "iam-b"))
    assert [denial.code for denial in report.denials] == ["state-changed"]
    assert bench.hands.changes == []
