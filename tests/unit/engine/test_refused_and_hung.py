"""What a node's sudo or systemd does not do: said with the way to mend it, and put back where it was begun."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from iamops.engine.ports import CommandAnswer, OutcomeUnknown
from iamops.judge.run import Outcome, RestoredBy
from iamops.plan.action import Action, ServiceAction, Switchover, UnitVerb
from iamops.plan.steps import StepKind
from tests.support.pair import Bench

RESTART = ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-b")


@pytest.mark.parametrize("kind", [StepKind.ARM, StepKind.DO, StepKind.DISARM])
@pytest.mark.parametrize("action", [RESTART, Switchover()], ids=["restart", "switchover"])
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
