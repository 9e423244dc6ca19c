"""Themes in the console: remembered, asked for, missing; and no colour at all."""

from __future__ import annotations

import pytest

from iamops.tui.app.app import ConsoleApp
from tests.support import scenes
from tests.support.decks import FixedDeck
from tests.support.scenes import FixedCluster
from tests.support.screens import console


async def test_a_remembered_theme_is_used_and_an_asked_one_wins() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.type(":theme colour-blind")
        await seen.press("enter")
    async with console(scenes.healthy()) as seen:
        assert seen.app.theme == "colour-blind"
    async with console(scenes.healthy(), theme="light") as seen:
        assert seen.app.theme == "light"


async def test_a_theme_that_does_not_exist_is_said_and_not_fatal() -> None:
    async with console(scenes.healthy(), theme="pink") as seen:
        assert "no theme 'pink'" in seen.foot
        assert seen.app.theme == "dark"


async def test_no_color_writes_no_colour_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for asked in (True, False):
        if not asked:
            monkeypatch.setenv("NO_COLOR", "1")
        cluster = FixedCluster(scenes.troubled())
        deck = FixedDeck(cluster)
        app = ConsoleApp(cluster, lambda deck=deck: deck, no_color=asked)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            await pilot.press("question_mark")
            await pilot.pause()
            strips = app.screen._compositor.render_strips()
            styles = [segment.style for strip in strips for segment in strip if segment.style]
            assert styles
            assert all(style.color is None and style.bgcolor is None for style in styles)


async def test_themes_have_no_effect_without_colour_and_that_is_said() -> None:
    async with console(scenes.healthy(), no_color=True) as seen:
        await seen.type(":theme light")
        await seen.press("enter")
        assert "NO_COLOR is set" in seen.foot
