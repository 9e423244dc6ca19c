"""How a run ended, as lines of plain text."""

from __future__ import annotations

from dataclasses import replace

from iamops.cli.plan_text import gap_line, result_lines
from iamops.judge.run import Outcome, RestoredBy, RunReport
from iamops.model.outage import Hole, ProbeResult, ProbeRow, Segment, gap_report
from iamops.plan.action import Switchover
from iamops.report.run import gap_document

ROW = (Segment(ProbeResult.GOOD, "iam-a", 0.0, 1.0, 101), Segment(ProbeResult.GOOD, "iam-b", 31.0, 32.0, 101))

SEEN, UNSEEN = (
    gap_report([ProbeRow(tuple(ROW), 0.01)]),
    gap_report([ProbeRow(tuple(ROW), 0.01)], holes=(Hole(1.0, 31.0, 30.0),)),
)

INTERRUPTED = RunReport(
    "4972991a",
    Switchover(),
    0.0,
    outcome=Outcome.FAILED,
    sentence="interrupted; now: VIP 10.0.4.99 is on iam-a",
    interrupted=True,
    restored_by=RestoredBy.CONSOLE,
)


def test_an_interrupted_run_that_was_put_back_is_undone_and_not_failed():
    assert result_lines(INTERRUPTED)[0] == "undone: interrupted; now: VIP 10.0.4.99 is on iam-a"


def test_one_that_nobody_put_back_has_failed():
    left = replace(INTERRUPTED, restored_by=RestoredBy.NOBODY)
    assert result_lines(left)[0].startswith("failed: ")


def test_time_in_which_nobody_looked_is_said():
    assert "not measured" not in gap_line(SEEN)
    assert gap_line(UNSEEN).endswith("; not measured for 30.0 s)")
    document = gap_document(UNSEEN)
    assert document is not None
    assert (document["not_measured_ms"], document["longest_gap_ms"]) == (30000.0, None)
