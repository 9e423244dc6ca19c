"""What a person reads: nothing twice, nothing glued together, and the next key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.model.events import UnitReported
from console.model.facts import UnitReport
from console.plan.action import DrillAction, Switchover
from console.plan.build import plan_for
from console.plan.steps import FEW, Kind
from console.session.drills import load_drill
from console.tui.actions import Situation
from console.tui.view.cards import card
from console.tui.view.help import help_lines
from console.tui.view.moment import Moment
from console.tui.view.plan import plan_lines
from console.tui.view.tone import text_of
from tests.unit.tui import scenes
from tests.unit.tui.scenes import NOW, A, fed
from tests.unit.tui.screens import console


@pytest.mark.parametrize(
    ("active", "sub", "said"), [("failed", "failed", "failed"), ("inactive", "dead", "inactive")]
)
def test_the_state_of_a_unit_is_said_once(active: str, sub: str, said: str):
    state = fed(scenes.healthy(), [UnitReported(NOW, A, "nginx", UnitReport(active, sub))])
    text = "\n".join(text_of(row.line) for row in card(Moment(state, NOW), A, 60, roomy=True).rows)
    assert f"{active} · {sub}" not in text
    assert said in text


def test_a_step_that_arms_or_disarms_says_so_once():
    plan = plan_for(Switchover(), scenes.healthy(), NOW)
    assert {Kind.ARM, Kind.DISARM} <= {each.kind for each in plan.steps}
    text = "\n".join(text_of(line) for line in plan_lines(plan, (), (), 200))
    assert "arm    arm" not in text
    assert "disarm disarm" not in text
    assert "disarm on iam-" in text


def test_many_conditions_are_one_list_and_each_is_in_it():
    plan = plan_for(DrillAction(load_drill("seed")), scenes.healthy(), NOW)
    assert len(plan.before) > FEW
    (told,) = plan.first
    assert told.startswith(f"all {len(plan.before)} of these hold: ")
    assert all(each.sentence in told for each in plan.before)
    few = replace(plan, before=plan.before[:FEW])
    assert few.first == tuple(each.sentence for each in few.before)


@pytest.mark.parametrize("width", [40, 60, 75])
def test_help_goes_on_below_where_it_began(width: int):
    lines = help_lines("SERVICES", "about " * 30, Situation(rows=0), width)
    assert max(len(text_of(line)) for line in lines) <= width
    assert any(len(line) == 1 and line[0].text.startswith(" " * 15) for line in lines)


async def test_a_wrong_word_is_told_as_wrong():
    async with console(scenes.healthy(), size=(100, 40)) as seen:
        await seen.type(":arm")
        await seen.press("enter")
        await seen.type(":switchover")
        await seen.press("enter")
        assert "the VIP moves; type lab here: " in seen.text
        assert "type lab first" in seen.text
        field = seen.app.screen.query_one("#typed")
        field.value = "mine"  # type: ignore[attr-defined]
        await seen.pilot.pause()
        assert "that is not lab" in seen.text
