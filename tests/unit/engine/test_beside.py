"""Nodes that cannot be held or seen: what is done beside them, and what is refused."""

from __future__ import annotations

import pytest

from iamops.judge.run import Outcome
from iamops.model.events import Source, SourceLost
from iamops.plan.action import Action, RollingRestart, ServiceAction, Switchover, UnitVerb
from tests.support.pair import Bench
from tests.unit.engine.test_engine import run

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
