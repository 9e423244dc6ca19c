"""Goes to the Drills view in a test, and begins a drill there."""

from __future__ import annotations

from textual.widgets import Input

from iamops.judge.drill.report import DrillProgress
from iamops.plan.action import DrillAction
from iamops.report.drill import drill_document
from iamops.session.drills.files import load_drill
from iamops.tui.drills.screen import DrillsScreen
from tests.support import scenes
from tests.support.drill_samples import LIVE, report
from tests.support.operators import TIMELINE, FixedOperator, half_way
from tests.support.scenes import NOW, FixedCluster
from tests.support.screens import Watched

SIZES = [(80, 24), (120, 40)]


def progress(made: FixedOperator) -> DrillProgress:
    """`keepalived-stop`, half way."""
    action = DrillAction(load_drill("keepalived-stop"), LIVE)
    plan, _ = made.consider(made.order(action))
    return DrillProgress(action.drill, half_way(plan, NOW + 1.6), TIMELINE)


def drill_operator(**changes: object) -> FixedOperator:
    made = FixedOperator(FixedCluster(scenes.healthy()))
    made.earlier = (drill_document(report(**changes)), drill_document(report()))
    return made


async def at_drills(seen: Watched) -> None:
    await seen.press("4")
    await seen.until(lambda: isinstance(seen.app.screen, DrillsScreen))
    await seen.pilot.pause(0.3)


async def begun(seen: Watched) -> None:
    """Armed, agreed, and on its way."""
    await at_drills(seen)
    await seen.press("A", "D")
    await seen.pilot.pause(0.2)
    seen.app.screen.query_one("#typed", Input).focus()
    await seen.type("lab")
    await seen.press("enter")
    await seen.pilot.pause(0.2)
