"""A drill may take one backend away while another serves, and asks nginx whether one does."""

from __future__ import annotations

import pytest

from console.engine.report import Stage, StepReport
from console.judge.denial import Case
from console.judge.guards import denials
from console.judge.insisting import without_looks
from console.model.events import Event, HttpProbed, Target
from console.model.facts import ProbeOutcome, ProbeReport
from console.parse.drill_yaml import parse_drill
from console.plan.action import DrillAction
from console.plan.build import plan_for
from console.plan.expectation import OthersServe, TakenBack
from console.plan.legs import legs
from console.session.drill_account import leg_run
from console.session.drills import load_drill
from tests.profiles import pair
from tests.scenes import NOW, fed, healthy

HEAD = "name: each\ntitle: t\nabout: a\nsteady_state: [one-owner]\nmax_duration: 120 s\nmethod:\n"
BAD = ProbeReport(ProbeOutcome.REFUSED, detail="connection refused")
B_IS_DOWN = HttpProbed(NOW, "iam-b", "iam-b", Target.SERVICE, "iam-apiserver", BAD)


def drill(*moves: str) -> DrillAction:
    steps = "".join(f"  - {verb}: {unit}\n    node: {node}\n" for verb, unit, node in map(str.split, moves))
    profile = pair()
    return DrillAction(parse_drill(HEAD + steps, "x", profile.all_units, profile.nodes))


def denied(action: DrillAction, *events: Event) -> list[tuple[str, str | None]]:
    state = fed(healthy(), events)
    said = denials(Case(plan_for(action, state, NOW + 1), state, NOW + 1))
    return [(denial.code, denial.node) for denial in said]


STOP_A = drill("stop iam-apiserver iam-a", "start iam-apiserver iam-a")
HANG_A = drill("hang iam-apiserver iam-a", "wake iam-apiserver iam-a")


@pytest.mark.parametrize("action", [STOP_A, HANG_A])
def test_a_drill_may_not_take_the_last_backend(action: DrillAction):
    assert denied(action) == []
    assert ("last-backend", "iam-a") in denied(action, B_IS_DOWN)


def test_a_drill_may_not_take_both_one_after_the_other():
    both = drill(
        "stop iam-apiserver iam-a",
        "stop iam-apiserver iam-b",
        "start iam-apiserver iam-a",
        "start iam-apiserver iam-b",
    )
    assert ("last-backend", "iam-b") in denied(both)
    turns = drill("stop iam-pump iam-a", "start iam-pump iam-a", "stop iam-pump iam-b", "start iam-pump iam-b")
    assert denied(turns) == []


def test_the_built_in_loss_of_one_of_two_backends_stays_allowed():
    assert denied(DrillAction(load_drill("backend-loss"))) == []


def test_a_restart_on_each_node_asks_every_nginx_before_and_after_each():
    plan = plan_for(drill("restart iam-apiserver each"), healthy(), NOW + 1)
    looks = [
        type(each).__name__
        for step in plan.steps
        for each in step.expect
        if isinstance(each, (OthersServe, TakenBack))
    ]
    assert looks == [*["OthersServe"] * 2, *["TakenBack"] * 2] * 2


def test_a_stop_asks_first_and_a_start_waits_and_neither_look_is_measured():
    plan = plan_for(STOP_A, healthy(), NOW + 1)
    kinds = [str(step.kind) for step in plan.steps if step.kind in ("look", "do")]
    assert kinds == ["look", "do", "do", "look"]
    steps = [StepReport(step, Stage.DONE, began=float(n), ended=n + 0.5) for n, step in enumerate(plan.steps)]
    assert STOP_A.drill.moves[0].on == "iam-a"
    (first, *_) = legs(STOP_A.drill, "iam-a", "iam-b", "iam-a")
    run = leg_run(first, steps)
    assert run.title == "stop iam-apiserver on iam-a"
    assert run.began == next(n for n, step in enumerate(plan.steps) if step.kind == "do")


def test_who_insists_on_the_last_backend_is_not_refused_by_the_look():
    plan = without_looks(plan_for(STOP_A, healthy(), NOW + 1), ["last-backend"], ())
    assert not any(isinstance(each, OthersServe) for step in plan.steps for each in step.expect)
