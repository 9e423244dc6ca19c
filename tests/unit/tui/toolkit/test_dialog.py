"""What dialogs draw: raw text and markup of others are text."""

from __future__ import annotations

import html
import random

import pytest
from textual.widgets import Button, Checkbox, Input, Static

from iamops.tui.toolkit.dialog import plain, toned
from iamops.tui.toolkit.palette import no_color_palette
from iamops.tui.toolkit.text import TextSpan
from tests.support import scenes
from tests.support.hostile import hostile, raw
from tests.support.screens import Watched, console


def harmless(seen: Watched) -> None:
    assert raw(seen.text) == []
    assert raw(html.unescape(seen.app.export_screenshot())) == []


@pytest.mark.parametrize("seed", range(8))
async def test_widgets_that_were_given_raw_text(seed: int):
    """As a new caller would who has forgotten everything."""
    chance = random.Random(seed)
    async with console(scenes.healthy()) as seen:
        screen = seen.app.screen
        for widget in (
            Static(hostile(chance), markup=False),
            Static(plain(hostile(chance))),
            Static(toned([(TextSpan(hostile(chance)),)], no_color_palette())),
            Input(hostile(chance)),
            Checkbox(plain(hostile(chance))),
            Button(plain(hostile(chance))),
        ):
            await screen.mount(widget)
            widget.styles.layer = "above"
            widget.styles.offset = (0, 0)
            widget.styles.position = "absolute"
            await seen.pilot.pause()
            harmless(seen)
            await widget.remove()
        seen.app.view.toast(hostile(chance))
        seen.app.copy_to_clipboard(hostile(chance))
        await seen.pilot.pause()
        harmless(seen)
        assert raw(seen.app.clipboard) == []


def test_a_name_with_markup_is_a_name():
    assert plain("[@click=app.quit]iam-a[/]").plain == "[@click=app.quit]iam-a[/]"
