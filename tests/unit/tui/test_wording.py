"""How a plan's conditions read."""

from __future__ import annotations

from dataclasses import replace

from iamops.plan.action import DrillAction
from iamops.plan.build import plan_for
from iamops.plan.steps import FEW
from iamops.session.drills.files import load_drill
from tests.support import scenes
from tests.support.scenes import NOW


def test_many_conditions_are_one_list_and_each_is_in_it():
    plan = plan_for(DrillAction(load_drill("seed")), scenes.healthy(), NOW)
    assert len(plan.before) > FEW
    (told,) = plan.first
    assert told.startswith(f"all {len(plan.before)} of these hold: ")
    assert all(each.sentence in told for each in plan.before)
    few = replace(plan, before=plan.before[:FEW])
    assert few.first == tuple(each.sentence for each in few.before)
