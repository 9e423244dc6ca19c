"""A pane's cursor stays on its row."""

from __future__ import annotations

from iamops.model.events import Noticed
from iamops.model.facts import Severity
from tests.support import scenes
from tests.support.scenes import NOW
from tests.support.screens import console


async def test_the_cursor_stays_on_its_event_while_new_ones_arrive() -> None:
    async with console(scenes.moved()) as seen:
        await seen.press("tab", "tab", "j")
        before = seen.foot
        seen.cluster.store.apply(Noticed(NOW, None, Severity.INFO, "something new"))
        await seen.pilot.pause(0.1)
        assert seen.foot == before
        await seen.press("g")
        assert "something new" in seen.foot
