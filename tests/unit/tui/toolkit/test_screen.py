"""What every view can do: copy what is under the cursor, or what was selected."""

from __future__ import annotations

from tests.support import scenes
from tests.support.screens import console


async def test_c_copies_the_line_under_the_cursor() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press("c")
        assert seen.app.clipboard == "iam.api.marmotedu.com through nginx of iam-a: ● OK (1.2 ms)"


async def test_ctrl_c_never_quits_and_says_why_it_copied_nothing() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press("ctrl+c", "ctrl+c")
        assert "nothing is selected" in seen.foot
        assert seen.app.is_running


async def test_ctrl_c_copies_what_the_mouse_selected() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.pilot.mouse_down("#services", offset=(8, 1))
        await seen.pilot.hover("#services", offset=(28, 1))
        await seen.pilot.mouse_up("#services", offset=(28, 1))
        await seen.press("ctrl+c")
        assert "iam.api.marmotedu.co" in seen.app.clipboard


async def test_what_is_copied_cannot_end_a_line_in_a_shell():
    async with console(scenes.with_notice(scenes.healthy(), "x\nrm -rf /\n\r"), size=(200, 24)) as seen:
        await seen.press("tab", "tab", "c")
        assert "rm -rf /" in seen.app.clipboard
        assert "\n" not in seen.app.clipboard
