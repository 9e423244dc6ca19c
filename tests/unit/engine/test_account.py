"""What a run records: the intent before the first change, the outcome after the last, and both on the nodes."""

from __future__ import annotations

import pytest

from iamops.engine.ports import NotSent
from iamops.judge.run import Outcome
from iamops.plan.action import ServiceAction, Switchover, UnitVerb
from tests.support.pair import RESTART_BACKEND, Bench, run


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


async def test_a_ledger_that_cannot_be_written_refuses_before_anything_is_sent():
    bench = Bench()
    bench.records.full = True
    report = await run(bench, RESTART_BACKEND)
    assert [denial.code for denial in report.denials] == ["audit-unwritable"]
    assert bench.hands.sent == []
    assert bench.hands.locks == []


RESTART = ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-a")

LEDGER = "ledger=1edce00000000000"


async def test_each_touched_node_is_told_of_the_intent_before_the_first_command_and_of_the_outcome():
    bench = Bench()
    told_before: list[int] = []
    bench.hands.before = lambda number, argv: told_before.append(len(bench.hands.notes))
    report = await bench.engine.run(bench.order(Switchover()), lambda report: None)
    assert report.outcome is Outcome.SUCCEEDED
    nodes = report.plan.nodes if report.plan is not None else ()
    assert set(told_before) == {len(nodes)}
    begins, ends = bench.hands.notes[: len(nodes)], bench.hands.notes[len(nodes) :]
    for notes, n, word in ((begins, 1, "begins"), (ends, 2, "succeeded")):
        assert [note.partition(": ")[0] for note in notes] == list(nodes)
        for note in notes:
            head = f"run={report.run} {LEDGER} n={n} head={n:032x} place=999999999999 switchover"
            assert note.partition(": ")[2].startswith(head)
            assert word in note


@pytest.mark.parametrize("why", ["the journal is full", "iam-a is not connected"])
async def test_a_node_that_takes_no_line_stops_nothing_and_is_told_once(why: str):
    bench = Bench()
    bench.hands.unnoted = {"iam-a": why}
    report = await bench.engine.run(bench.order(RESTART), lambda report: None)
    assert report.outcome is Outcome.SUCCEEDED
    told = f"no line of this run is known to be in the journal of iam-a: {why}"
    assert [note for note in report.notes if "journal" in note] == [told]


async def test_a_refused_order_and_one_without_an_outcome_record_anchor_nothing_false():
    bench = Bench()
    bench.hands.held_by = "bob holds iam-a"
    await bench.engine.run(bench.order(RESTART), lambda report: None)
    assert bench.hands.notes == []
    bench.hands.held_by = None
    bench.records.kept.clear()

    def full(number: int, argv: object) -> None:
        bench.records.full = True

    bench.hands.before = full
    report = await bench.engine.run(bench.order(RESTART), lambda report: None)
    begins, ends = bench.hands.notes
    assert f"{LEDGER} n=1 " in begins
    assert "ledger=" not in ends
    assert any("could not be recorded" in note for note in report.notes)


async def test_a_run_that_is_cut_leaves_its_outcome_too():
    bench = Bench()

    def cut(number: int, argv: object) -> None:
        raise NotSent("iam-a is not connected")

    bench.hands.before = cut
    report = await bench.engine.run(bench.order(RESTART), lambda report: None)
    assert report.outcome is not Outcome.SUCCEEDED
    assert f"{LEDGER} n=2 " in bench.hands.notes[-1]
