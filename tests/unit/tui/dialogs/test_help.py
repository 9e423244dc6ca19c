"""The help dialog: made of the registry, about the pane with the focus, and readable to its end."""

from __future__ import annotations

import pytest

from iamops.tui.app.actions import ACTIONS, COMMANDS, ActionContext
from iamops.tui.dialogs.help import help_lines
from iamops.tui.overview.screen import Overview
from iamops.tui.toolkit.text import text_of
from tests.support import scenes
from tests.support.screens import console


@pytest.mark.parametrize("width", [40, 60, 75])
def test_help_goes_on_below_where_it_began(width: int):
    lines = help_lines("SERVICES", "about " * 30, ActionContext(rows=0), width)
    assert max(len(text_of(line)) for line in lines) <= width
    assert any(len(line) == 1 and line[0].text.startswith(" " * 15) for line in lines)


async def test_help_is_about_the_pane_with_the_focus() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press("tab", "tab", "question_mark")
        assert "Events" in seen.lines[1] + seen.lines[2]
        await seen.press("escape")
        assert isinstance(seen.app.screen, Overview)


def test_help_is_made_of_the_registry() -> None:
    said = "\n".join(text_of(line) for line in help_lines("Events", "What changed.", ActionContext(), 76))
    assert said.startswith("Events\nWhat changed.")
    for action in ACTIONS:
        assert not action.keys or action.title in said
    for action in COMMANDS:
        assert action.usage in said
    assert "(not now: nothing is under the cursor" in said
