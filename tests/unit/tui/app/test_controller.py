"""Acting from the console: arming, what is acted on, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets import Button, Checkbox, Input

from iamops.engine.account import OnProgress
from iamops.engine.ports import Order
from iamops.judge.run import Outcome, Phase, RunReport
from iamops.plan.action import RollingRestart, ServiceAction, UnitVerb
from iamops.plan.denial import refused_by
from iamops.plan.step_builders import CONFIG_INVALID
from iamops.tui.dialogs.confirm import ConfirmScreen
from iamops.tui.overview.screen import Overview
from tests.support import operators, scenes
from tests.support.operators import FixedOperator
from tests.support.scenes import FixedCluster
from tests.support.screens import agree, armed, console


@pytest.mark.parametrize("keys", [["R"], ["F"], [*":reload nginx iam-a", "enter"]])
async def test_read_only_refuses_and_says_how_to_arm(keys: list[str]) -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press(*({":": "colon", " ": "space", "-": "minus"}.get(key, key) for key in keys))
        assert "read-only; A arms for ten minutes" in seen.foot
        assert isinstance(seen.app.screen, Overview)


async def test_arming_counts_down_and_ends_by_itself() -> None:
    async with console(scenes.healthy()) as seen:
        assert "READ-ONLY" in seen.lines[0]
        await armed(seen)
        seen.cluster.time += 83
        await seen.pilot.pause(1.2)
        assert "ARMED 8:37" in seen.lines[0]
        seen.cluster.time += 600
        await seen.pilot.pause(1.2)
        assert "READ-ONLY" in seen.lines[0]
        assert "read-only again" in seen.foot


async def test_a_second_a_disarms() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("A")
        assert "READ-ONLY" in seen.lines[0]
        assert seen.operator.armed_s == 0


async def test_a_restart_is_about_what_is_under_the_cursor() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("j", "j", "j", "j", "l", "R")
        assert isinstance(seen.app.screen, ConfirmScreen)
        assert "restart iam-pump on iam-b" in seen.text
        seen.app.screen.query_one("#run", Button).press()
        await seen.pilot.pause()
        assert seen.operator.runs[0].action == ServiceAction(UnitVerb.RESTART, "iam-pump", "iam-b")


async def test_a_restart_on_the_owner_asks_for_its_name() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("R")
        assert "iam-a owns the VIP; type iam-a here:" in seen.text


async def test_a_rolling_restart_from_the_command_line() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.type(":restart iam-pump --rolling")
        await seen.press("enter")
        await agree(seen)
        assert seen.operator.runs[0].action == RollingRestart("iam-pump")


class RefusedByAStep(FixedOperator):
    """A configuration check of the plan says no."""

    async def run(self, order: Order, tell: OnProgress) -> RunReport:
        self.runs.append(order)
        plan = self.consider(order)[0]
        step = next(each for each in plan.steps if each.refuses == CONFIG_INVALID)
        over = replace(
            operators.half_way(plan, self.cluster.now()),
            phase=Phase.OVER,
            outcome=Outcome.REFUSED,
            denials=(refused_by(plan, step, f"{step.title}: exit code 1"),),
        )
        tell(over)
        return over


async def test_what_a_step_has_refused_may_be_insisted_on_the_next_time_and_need_not_be() -> None:
    operator = RefusedByAStep(FixedCluster(scenes.healthy()))
    async with console(scenes.healthy(), operator=operator) as seen:
        await armed(seen)
        await seen.press("F")
        assert not list(seen.app.screen.query(Checkbox))
        await agree(seen)
        await seen.pilot.pause()
        await seen.press("escape", "F")
        screen = seen.app.screen
        assert isinstance(screen, ConfirmScreen)
        (box,) = screen.query(Checkbox)
        assert "refused the last time: config-invalid: " in seen.text
        screen.query_one("#typed", Input).value = "lab"
        await seen.pilot.pause()
        assert screen.obstacle == "", "it may be mended"
        box.value = True
        screen.query_one("#reason", Input).value = "keepalived takes it"
        await seen.pilot.pause()
        screen.query_one("#run", Button).press()
        await seen.pilot.pause()
        assert operator.runs[-1].overrides == ("config-invalid@iam-a/keepalived",)


async def test_what_is_already_so_needs_no_dialog() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.type(":start nginx iam-a")
        await seen.press("enter")
        assert isinstance(seen.app.screen, Overview)
        assert "nothing to do" in seen.foot


async def test_nothing_is_run_while_the_picture_is_held() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("p", "F")
        assert "the screen is paused" in seen.foot


async def test_an_edited_profile_is_said_once_and_its_return_too() -> None:
    operator = FixedOperator(FixedCluster(scenes.healthy()))
    async with console(scenes.healthy(), operator=operator) as seen:
        operator.edited = "mine.yaml was edited on disk"
        await seen.pilot.pause(1.2)
        assert "mine.yaml was edited on disk: open the console again to use it" in seen.foot
        assert seen.text.count("mine.yaml was edited") == 2, "in the foot, and once in the events"
        operator.edited = ""
        await seen.pilot.pause(1.2)
        assert "the profile on disk is the one in use" in seen.foot
