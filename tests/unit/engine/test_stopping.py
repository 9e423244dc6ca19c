"""Stopped means that systemd leaves it stopped: a unit between two crashes is stopped for real."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from iamops.judge.run import Outcome, RestoredBy
from iamops.model.events import UnitReported
from iamops.model.facts import UnitReport
from iamops.plan.action import ServiceAction, UnitVerb
from tests.support.pair import Bench

STOP = ServiceAction(UnitVerb.STOP, "iam-pump", "iam-b")
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
    report = await bench.engine.run(bench.order(STOP), lambda report: None)
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    assert ("/usr/bin/systemctl", "stop", "iam-pump.service") in bench.hands.changes
    assert [kind for kind, _ in bench.records.kept] == ["intent", "outcome"]


@pytest.mark.parametrize("word", ["inactive", "failed"])
async def test_a_unit_that_systemd_leaves_alone_has_nothing_to_stop(word: str):
    bench = bench_with(word)
    report = await bench.engine.run(bench.order(STOP), lambda report: None)
    assert report.outcome is Outcome.SUCCEEDED
    assert "already stopped" in report.sentence
    assert bench.hands.changes == []


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
