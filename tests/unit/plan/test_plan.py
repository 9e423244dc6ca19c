"""Plans: what would run, what it predicts, and what it rests on."""

from __future__ import annotations

import json

import pytest

from iamops.model.events import SafetyReported
from iamops.model.facts import SafetyReport
from iamops.plan.action import NoSuchTarget, RollingRestart, ServiceAction, Switchover, UnitVerb, command_line
from iamops.plan.build import plan_for
from iamops.plan.denial import without_looks
from iamops.plan.expectation import EffectivePriority, VipOn
from iamops.plan.predict import OPEN_ARE_CUT
from iamops.plan.steps import StepKind, confirmation
from iamops.plan.vrrp_timing import check_window_s, master_down_s, skew_s
from iamops.report.run import plan_document
from tests.support.cluster_states import NOW, fed, healthy, live
from tests.support.profiles import pair

TOLD = live(pair(), "iam-a")["VI_1"]
TRACKED = [SafetyReported(NOW, node, SafetyReport((), None, ("VI_1",))) for node in ("iam-a", "iam-b")]


def test_skew_and_master_down_are_those_of_the_standard():
    instance = TOLD
    assert [round(skew_s(p, instance), 3) for p in (50, 100, 254)] == [0.805, 0.609, 0.008]
    assert [round(master_down_s(p, instance), 3) for p in (50, 100)] == [3.805, 3.609]


def test_the_check_needs_fall_runs_to_notice():
    assert check_window_s(TOLD) == (5.0, 10.0)


def test_a_switchover_raises_stops_starts_and_lowers_with_the_undo_armed_before_each():
    plan = plan_for(Switchover(), fed(healthy(), TRACKED), NOW)
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


def test_the_prediction_names_the_gap_and_the_age_of_its_evidence():
    plan = plan_for(Switchover(), fed(healthy(), TRACKED), NOW + 0.4)
    assert plan.prediction == (
        "VIP 10.0.4.99 moves iam-a -> iam-b, about 0.01 s (skew at priority 254); "
        "iam-b nginx was healthy 0.4 s ago"
    )


def test_without_a_track_file_the_plain_way_is_taken_and_said():
    plan = plan_for(Switchover(), healthy(), NOW)
    assert "about 0.80 s (skew at priority 50)" in plan.prediction
    assert "no track file" in plan.notes[0]
    assert not any("tee" in " ".join(step.argv) for step in plan.steps)


def test_the_plain_way_can_be_asked_for():
    plan = plan_for(Switchover(plain=True), fed(healthy(), TRACKED), NOW)
    assert plan.notes[0] == OPEN_ARE_CUT
    assert not any("track file" in note for note in plan.notes)
    assert len(plan.steps) == 5


def test_a_stopped_nginx_on_the_owner_predicts_the_refusals_before_the_move():
    plan = plan_for(ServiceAction(UnitVerb.STOP, "nginx", "iam-a"), healthy(), NOW)
    assert plan.prediction.startswith("clients are refused for 5 to 10 s until the check notices, then VIP")


def test_a_stopped_standby_moves_nothing_and_says_what_is_lost():
    plan = plan_for(ServiceAction(UnitVerb.STOP, "keepalived", "iam-b"), healthy(), NOW)
    assert plan.impact.moves == ()
    assert "no standby while it is stopped" in plan.prediction


def test_nothing_stops_before_its_undo_was_armed():
    for action in (
        ServiceAction(UnitVerb.STOP, "nginx", "iam-a"),
        ServiceAction(UnitVerb.RESTART, "iam-pump", "iam-b"),
        RollingRestart("keepalived"),
        Switchover(),
    ):
        armed: set[str] = set()
        for step in plan_for(action, fed(healthy(), TRACKED), NOW).steps:
            armed |= {step.undo.name} if step.undo else set()
            assert step.requires_undo is None or step.requires_undo in armed


def test_a_start_of_what_runs_has_nothing_to_do():
    plan = plan_for(ServiceAction(UnitVerb.START, "nginx", "iam-a"), healthy(), NOW)
    assert plan.steps == ()
    assert "already running" in plan.prediction


def test_other_commands_are_another_plan():
    tracked = fed(healthy(), TRACKED)
    shown = plan_for(Switchover(), tracked, NOW).fingerprint
    for node in ("iam-a", "iam-b"):
        untracked = fed(tracked, [SafetyReported(NOW, node, SafetyReport((), None, ()))])
        same = plan_for(Switchover(), untracked, NOW).fingerprint == shown
        assert same is (node == "iam-a"), "only the taker's priority would be raised"


def test_looks_that_were_overridden_leave_the_plan_that_was_shown():
    action = ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-a")
    asking = plan_for(action, healthy(), NOW)
    insisting = without_looks(asking, ["last-backend"], ())
    assert len(insisting.steps) < len(asking.steps)
    assert insisting.fingerprint == asking.fingerprint


@pytest.mark.parametrize(
    ("action", "named"),
    [
        (ServiceAction(UnitVerb.STOP, "ngnix", "iam-a"), "its units: keepalived, nginx"),
        (ServiceAction(UnitVerb.STOP, "nginx", "iam-c"), "there are: iam-a, iam-b"),
        (RollingRestart("ngnix"), "its units"),
        (Switchover(to="iam-c"), "there are: iam-a, iam-b"),
        (Switchover(instance="VI_2"), "there are: VI_1"),
    ],
)
def test_what_the_profile_does_not_have_is_said_with_what_it_has(action, named):
    with pytest.raises(NoSuchTarget, match=named):
        plan_for(action, healthy(), NOW)


def test_the_plan_is_one_json_document():
    plan = plan_for(Switchover(), fed(healthy(), TRACKED), NOW)
    assert json.loads(json.dumps(plan_document(plan)))["schema"] == "iamops.plan/1"


def test_the_command_line_asks_for_the_same():
    line = command_line(Switchover("iam-b"), "lab", "kernel update", ("anti-flap",))
    assert line == "iamops --profile lab switchover --to iam-b --override anti-flap --reason 'kernel update'"


def test_what_touches_the_owner_needs_its_name_typed():
    state = healthy()

    def typed(action):
        return confirmation(plan_for(action, state, NOW), state, NOW).typed

    assert typed(ServiceAction(UnitVerb.RESTART, "nginx", "iam-a")) == "iam-a"
    assert typed(ServiceAction(UnitVerb.RESTART, "nginx", "iam-b")) is None
    assert typed(ServiceAction(UnitVerb.RELOAD, "nginx", "iam-a")) is None
    assert typed(Switchover()) == "lab"
    assert typed(RollingRestart("nginx")) == "lab"
