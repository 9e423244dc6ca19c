"""The findings' bar: the worst stands on every view, and leads to the triage."""

from __future__ import annotations

import pytest

from iamops.tui.app.actions import OVERVIEW, TRIAGE
from iamops.tui.overview.finding import FindingBar
from iamops.tui.triage import TriageScreen
from tests.support.screens import VIEW_KEYS
from tests.support.triage_view import on, troubled

SIZES = [(80, 24), (120, 40)]


@pytest.mark.parametrize("view", [view for view in VIEW_KEYS if view != TRIAGE])
@pytest.mark.parametrize("size", SIZES)
async def test_the_top_finding_stands_on_every_view_and_enter_there_opens_it(
    view: str, size: tuple[int, int]
) -> None:
    async with on(troubled(), size) as seen:
        if view != OVERVIEW:
            await seen.press(VIEW_KEYS[view])
        await seen.pilot.pause(0.3)
        assert "✗ CRITICAL 1/2 VIP 10.0.4.99" in seen.text
        seen.app.screen.query_one(FindingBar).focus()
        await seen.press("j", "enter")
        await seen.pilot.pause(0.3)
        assert isinstance(seen.app.screen, TriageScreen)
        assert "datastore-host-not-allowed" in seen.foot
