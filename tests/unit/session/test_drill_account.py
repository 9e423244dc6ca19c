"""A finished run in the words of a drill."""

from __future__ import annotations

import pytest

from iamops.judge.drill.account import sentence_of, verdict_of
from iamops.judge.drill.report import DrillVerdict
from iamops.judge.run import Outcome, RunReport
from iamops.model.outage import Hole, ProbeResult, ProbeRow, Segment, gap_report
from iamops.plan.action import Switchover

ROW = (Segment(ProbeResult.GOOD, "iam-a", 0.0, 1.0, 101), Segment(ProbeResult.GOOD, "iam-b", 31.0, 32.0, 101))


@pytest.mark.parametrize(("hole_s", "verdict"), [(0.2, DrillVerdict.PASS), (30.0, DrillVerdict.UNKNOWN)])
def test_a_drill_that_nobody_measured_for_half_a_minute_has_not_passed(hole_s: float, verdict: DrillVerdict):
    gap = gap_report([ProbeRow(tuple(ROW), 0.01)], holes=(Hole(1.0, 1.0 + hole_s, hole_s),))
    run = RunReport("4972991a", Switchover(), 0.0, outcome=Outcome.SUCCEEDED, sentence="as asked", gap=gap)
    assert verdict_of(run, ()) is verdict
    assert ("not measured for 30.0 s" in sentence_of(verdict, run, (), 0.0)) is (verdict is DrillVerdict.UNKNOWN)
