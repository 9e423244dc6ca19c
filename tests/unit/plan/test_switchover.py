"""A switchover raises, stops, starts and lowers, each with its undo armed before."""

from __future__ import annotations

from iamops.model.events import SafetyReported
from iamops.model.facts import SafetyReport
from iamops.plan.action import Switchover
from iamops.plan.build import plan_for
from iamops.plan.expectation import EffectivePriority, VipOn
from iamops.plan.predict import OPEN_ARE_CUT
from iamops.plan.steps import StepKind
from tests.support.cluster_states import NOW, fed, healthy

WITH_TRACK_FILE = [SafetyReported(NOW, node, SafetyReport((), None, ("VI_1",))) for node in ("iam-a", "iam-b")]


def test_a_switchover_raises_stops_starts_and_lowers_with_the_undo_armed_before_each():
    plan = plan_for(Switchover(), fed(healthy(), WITH_TRACK_FILE), NOW)
    assert [(step.kind, step.node) for step in plan.steps] == [
        (StepKind.LOOK, "iam-a"),
        (StepKind.ARM, "iam-b"),
        (StepKind.DO, "iam-b"),
        (StepKind.ARM, "iam-a"),
        (StepKind.DO, "iam-a"),
        (StepKind.DO, "iam-a"),
        (StepKind.DISARM, "iam-a"),
        (StepKind.DO, "iam-b"),
        (StepKind.DISARM, "iam-b"),
    ]
    assert plan.steps[2].stdin == "204\n"
    assert plan.steps[2].expect == (EffectivePriority("iam-b", "VI_1", 254),)
    assert VipOn("VI_1", "iam-b") in plan.steps[4].expect


def test_without_a_track_file_the_plain_way_is_taken_and_said():
    plan = plan_for(Switchover(), healthy(), NOW)
    assert "about 0.80 s (skew at priority 50)" in plan.prediction
    assert "no track file" in plan.notes[0]
    assert not any("tee" in " ".join(step.argv) for step in plan.steps)


def test_the_plain_way_can_be_asked_for():
    plan = plan_for(Switchover(plain=True), fed(healthy(), WITH_TRACK_FILE), NOW)
    assert plan.notes[0] == OPEN_ARE_CUT
    assert not any("track file" in note for note in plan.notes)
    assert len(plan.steps) == 5
