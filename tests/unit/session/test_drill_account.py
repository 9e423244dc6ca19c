"""A finished run in the words of a drill."""

from __future__ import annotations

import pytest

from console.engine.report import Outcome, RunReport
from console.judge.drill_report import Verdict
from console.model.gap import Fate, Hole, Row, Segment, gap_report
from console.plan.action import Switchover
from console.session.drill_account import sentence_of, verdict_of

ROW = (Segment(Fate.GOOD, "iam-a", 0.0, 1.0, 101), Segment(Fate.GOOD, "iam-b", 31.0, 32.0, 101))


@pytest.mark.parametrize(("hole_s", "verdict"), [(0.2, Verdict.PASS), (30.0, Verdict.UNKNOWN)])
def test_a_drill_that_nobody_measured_for_half_a_minute_has_not_passed(hole_s: float, verdict: Verdict):
    gap = gap_report([Row(tuple(ROW), 0.01)], holes=(Hole(1.0, 1.0 + hole_s, hole_s),))
    run = RunReport("4972991a", Switchover(), 0.0, outcome=Outcome.SUCCEEDED, sentence="as asked", gap=gap)
    assert verdict_of(run, ()) is verdict
    assert ("not measured for 30.0 s" in sentence_of(verdict, run, (), 0.0)) is (verdict is Verdict.UNKNOWN)
