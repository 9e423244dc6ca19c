"""The engine on a simulated pair: what is weighed and locked before a run, and which plan is void."""

from __future__ import annotations

import pytest

from iamops.engine.ports import CommandAnswer
from iamops.judge.run import Outcome
from iamops.model.events import Source, SourceLost, UnitReported
from iamops.model.facts import UnitReport
from iamops.plan.action import Action, RollingRestart, ServiceAction, Switchover, UnitVerb
from tests.support.pair import RESTART_BACKEND, Bench, run


async def test_a_switchover_sends_exactly_what_the_plan_says():
    bench = Bench()
    plan, denied = bench.engine.consider(bench.order(Switchover()))
    report = await run(bench, Switchover())
    assert denied == ()
    assert report.outcome is Outcome.SUCCEEDED
    assert bench.world.owner == "iam-b"
    assert bench.hands.changes == [step.argv[2:] for step in plan.steps]
    assert bench.world.whole() == []


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


PUMP = ServiceAction(UnitVerb.RESTART, "iam-pump", "iam-a")

WHY = "bash: fork: Resource temporarily unavailable"


async def test_a_node_that_nobody_can_hold_blocks_no_action_on_another():
    bench = Bench()
    bench.hands.unlocked = {"iam-b": WHY}
    report = await run(bench, PUMP)
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    assert bench.hands.locks == [("iam-a",)]
    assert f"iam-b is not locked, and not touched: {WHY}" in report.notes


@pytest.mark.parametrize("action", [ServiceAction(UnitVerb.RESTART, "iam-pump", "iam-b"), Switchover()])
async def test_a_node_that_is_acted_on_must_be_held(action: Action):
    bench = Bench()
    bench.hands.unlocked = {"iam-b": WHY}
    report = await run(bench, action)
    assert (report.outcome, [denial.code for denial in report.denials]) == (Outcome.REFUSED, ["locked"])
    assert bench.hands.changes == []


def untold(bench: Bench, node: str) -> None:
    bench.world.store.apply(SourceLost(bench.world.time, node, Source.SAFETY, "sh: cannot fork"))


def test_locks_that_cannot_be_read_on_a_node_beside_are_a_reason_to_insist_on():
    bench = Bench()
    untold(bench, "iam-b")
    _, denied = bench.engine.consider(bench.order(PUMP))
    (denial,) = [each for each in denied if "locks and armed undos on iam-b" in each.reason]
    assert (denial.code, denial.overridable, denial.node) == ("stale-evidence", True, "iam-b")


@pytest.mark.parametrize("action", [ServiceAction(UnitVerb.RESTART, "iam-pump", "iam-b"), Switchover()])
def test_locks_that_cannot_be_read_where_something_is_done_are_a_reason_that_stays(action: Action):
    bench = Bench()
    untold(bench, "iam-b")
    _, denied = bench.engine.consider(bench.order(action))
    assert any(each.code == "stale-evidence" and not each.overridable for each in denied)


# A restart of nginx interrupts for less than a second, and takes no VIP away: it is not among them.
TAKES_AWAY = [
    Switchover(),
    RollingRestart("iam-apiserver"),
    ServiceAction(UnitVerb.STOP, "nginx", "iam-a"),
    *(ServiceAction(verb, "keepalived", "iam-a") for verb in (UnitVerb.STOP, UnitVerb.RESTART)),
    *(ServiceAction(verb, "iam-apiserver", "iam-a") for verb in (UnitVerb.STOP, UnitVerb.RESTART)),
]


@pytest.mark.parametrize("action", TAKES_AWAY, ids=lambda action: action.sentence)
def test_a_console_that_sees_one_node_alone_takes_nothing_away_unasked(action: Action):
    """Two consoles that each see one node lock different nodes. What each could take away the other might, too."""
    bench = Bench()
    bench.world.power_off("iam-b")
    bench.world.tell()
    plan, denied = bench.engine.consider(bench.order(action))
    assert denied, plan.prediction


STOP_PUMP = ServiceAction(UnitVerb.STOP, "iam-pump", "iam-b")

NOT_RUNNING = {
    "crashing": UnitReport("activating", "auto-restart", 13, 0, 5.0),
    "stopping": UnitReport("deactivating", "stop-sigterm", 0, 7),
    "inactive": UnitReport("inactive", "dead"),
    "failed": UnitReport("failed", "failed"),
}


def bench_with(word: str) -> Bench:
    """iam-pump on iam-b is told as this until systemd is told to stop it."""
    bench = Bench()
    bench.world.machines["iam-b"].pids.pop("iam-pump")
    events = bench.world._events

    def told(name: str) -> list:
        if name != "iam-b" or any("stop" in argv and "iam-pump.service" in argv for argv in bench.hands.sent):
            return events(name)
        return [
            UnitReported(e.at, name, e.unit, NOT_RUNNING[word])
            if isinstance(e, UnitReported) and e.unit == "iam-pump"
            else e
            for e in events(name)
        ]

    bench.world._events = told  # type: ignore[method-assign]
    bench.world.tell()
    return bench


@pytest.mark.parametrize("word", ["crashing", "stopping"])
async def test_a_unit_that_systemd_would_start_again_is_stopped_and_audited(word: str):
    bench = bench_with(word)
    report = await bench.engine.run(bench.order(STOP_PUMP), lambda report: None)
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    assert ("/usr/bin/systemctl", "stop", "iam-pump.service") in bench.hands.changes
    assert [kind for kind, _ in bench.records.kept] == ["intent", "outcome"]


@pytest.mark.parametrize("word", ["inactive", "failed"])
async def test_a_unit_that_systemd_leaves_alone_has_nothing_to_stop(word: str):
    bench = bench_with(word)
    report = await bench.engine.run(bench.order(STOP_PUMP), lambda report: None)
    assert report.outcome is Outcome.SUCCEEDED
    assert "already stopped" in report.sentence
    assert bench.hands.changes == []
