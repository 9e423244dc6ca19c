"""The panel of a run: its steps, leaving it, and undoing from it."""

from __future__ import annotations

from iamops.tui.dialogs.run import RunScreen
from iamops.tui.overview.screen import Overview
from tests.support import scenes
from tests.support.screens import Watched, agree, armed, console


async def test_the_panel_shows_the_steps_and_can_be_left_running() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("F")
        await agree(seen)
        assert isinstance(seen.app.screen, RunScreen)
        await seen.pilot.pause(0.2)
        assert "● done" in seen.text
        assert "◌ observing" in seen.text
        await seen.press("q")
        assert isinstance(seen.app.screen, Overview)
        await seen.pilot.pause(0.2)
        assert "ACTING 3/9" in seen.lines[0]
        await seen.press("R")
        assert "switchover is under way" in seen.foot
        seen.operator.go_on.set()
        await seen.pilot.pause(0.2)
        assert "switchover: succeeded: VIP 10.0.4.99 is on iam-b" in seen.foot
        assert "ACTING" not in seen.lines[0]
        await seen.type(":run")
        await seen.press("enter")
        assert "● SUCCEEDED" in seen.text
        assert "gap 10 ms" in seen.text


async def shown(seen: Watched, text: str, *, there: bool = True) -> None:
    """Wait until the screen has (or no longer has) a text; a loaded machine draws late."""
    for _ in range(100):
        if (text in seen.text) is there:
            return
        await seen.pilot.pause(0.05)
    assert (text in seen.text) is there


async def test_x_twice_undoes_and_any_other_key_goes_on() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("F")
        await agree(seen)
        await seen.press("x")
        await shown(seen, "x again: undo and stop")
        await seen.press("j")
        await shown(seen, "x again", there=False)
        await seen.press("x", "x")
        await shown(seen, "↶ UNDONE")
        assert seen.operator.undone == seen.operator.runs
        assert "restored by: console" in seen.text
        assert "waiting" not in seen.text
        assert "not done" in seen.text


async def test_ctrl_c_in_the_panel_undoes_at_once() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("F")
        await agree(seen)
        await seen.press("ctrl+c")
        await seen.pilot.pause(0.2)
        assert seen.operator.undone == seen.operator.runs
        await seen.press("ctrl+c")
        assert isinstance(seen.app.screen, Overview)
