"""What a person reads: nothing twice, nothing glued together, and the next key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.model.events import UnitReported
from iamops.model.facts import UnitReport
from iamops.plan.action import DrillAction, Switchover
from iamops.plan.build import plan_for
from iamops.plan.steps import FEW, StepKind
from iamops.session.drills.files import load_drill
from iamops.tui.app.actions import ActionContext
from iamops.tui.dialogs.confirm import plan_lines
from iamops.tui.dialogs.help import help_lines
from iamops.tui.overview.cards import NodeCard
from iamops.tui.toolkit.frame_state import ViewState
from iamops.tui.toolkit.text import text_of
from tests.support import scenes
from tests.support.scenes import NOW, A, fed
from tests.support.screens import console


@pytest.mark.parametrize(
    ("active", "sub", "said"), [("failed", "failed", "failed"), ("inactive", "dead", "inactive")]
)
def test_the_state_of_a_unit_is_said_once(active: str, sub: str, said: str):
    state = fed(scenes.healthy(), [UnitReported(NOW, A, "nginx", UnitReport(active, sub))])
    card = NodeCard(A)
    card.roomy = True
    text = "\n".join(text_of(row.line) for row in card.content(ViewState(state, NOW), 60, 9).rows)
    assert f"{active} · {sub}" not in text
    assert said in text


def test_a_step_that_arms_or_disarms_says_so_once():
    plan = plan_for(Switchover(), scenes.healthy(), NOW)
    assert {StepKind.ARM, StepKind.DISARM} <= {each.kind for each in plan.steps}
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
    lines = help_lines("SERVICES", "about " * 30, ActionContext(rows=0), width)
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
