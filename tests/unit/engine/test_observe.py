"""Looking at the pair until it is as expected: what stays up, what answers again, and what nobody sees."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from iamops.judge.run import Outcome
from iamops.model.exit_code import ExitCode
from iamops.plan.action import Switchover, UnitVerb
from tests.support.pair import Bench, run
from tests.support.starting_unit import NODE, UNIT, WHY_NOT, bench_with_a_stopped_unit, started


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
    assert report.exit_code is ExitCode.UNKNOWN


@pytest.mark.parametrize("verb", [UnitVerb.START, UnitVerb.RESTART])
async def test_a_unit_that_dies_and_is_started_again_and_again_is_not_up(verb: UnitVerb):
    """Each look finds it active: only that it is another process gives it away."""
    bench = bench_with_a_stopped_unit() if verb is UnitVerb.START else Bench()
    bench.world.own_words[UNIT] = WHY_NOT
    machine = bench.world.machines[NODE]

    def dies() -> None:
        machine.pids[UNIT] = machine.pids.get(UNIT, 1000) + 1

    bench.world.on_look = dies
    report = await started(bench, verb)
    assert report.outcome is Outcome.FAILED
    assert "iam-pump does not start: exit 1, 2 times in " in report.sentence
    assert "no mongo at mongodb://" in report.sentence
    assert "does not stay up: process" in report.sentence
    assert "s3cr3t" not in report.sentence, "no password goes to the screen or into the audit"
    assert report.steps[-1 if verb is UnitVerb.START else 1].text in report.sentence
    assert "no mongo" in str(bench.records.kept[-1])


async def test_a_healthy_unit_is_believed_after_a_second_and_not_much_later():
    bench = bench_with_a_stopped_unit()
    report = await started(bench, UnitVerb.START)
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    step = report.steps[-1]
    assert step.text.endswith("iam-pump on iam-b stays up")
    assert step.began is not None
    assert step.ended is not None
    assert 0.9 <= step.ended - step.began <= 1.2


async def test_what_answered_once_must_answer_again_after_it_stayed_up():
    bench = bench_with_a_stopped_unit()

    def hangs() -> None:
        bench.world.silent.add(UNIT)

    bench.world.on_look = hangs
    report = await started(bench, UnitVerb.START)
    assert report.outcome is Outcome.FAILED
    assert "no answer since" in report.sentence
