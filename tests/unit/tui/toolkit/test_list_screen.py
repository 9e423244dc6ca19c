"""A list above, and below it the story of what is under the cursor."""

from __future__ import annotations

from tests.support import scenes
from tests.support.drills_view import at_drills, drill_operator
from tests.support.screens import console


async def test_a_story_that_is_too_long_can_be_read_on():
    async with console(scenes.healthy(), operator=drill_operator()) as seen:
        await at_drills(seen)
        await seen.press("G")
        assert " 4 start nginx" not in seen.text
        await seen.press("space", "space", "space")
        assert " 4 start nginx on the standby" in seen.text
        await seen.press("b", "b", "b")
        assert " 1 stop keepalived on the owner" in seen.text
        await seen.press("1", "space")
        assert "nothing here goes on below" in seen.foot
