"""From a theme to styles: every tone has one, and every text can be read."""

from __future__ import annotations

import pytest

from iamops.tui.toolkit.palette import contrast, palette_of
from iamops.tui.toolkit.text import Tone
from iamops.tui.toolkit.themes import COLOURS, load_themes


@pytest.mark.parametrize("name", ["dark", "light", "colour-blind"])
def test_every_text_is_readable_on_its_background(name: str) -> None:
    colours = load_themes()[0][name].colours
    for key in set(COLOURS) - {"background", "bar", "rule", "cursor", "production"}:
        assert contrast(colours[key], colours["background"]) >= 4.5, key
    for key in ("bar", "cursor"):
        assert contrast(colours["text"], colours[key]) >= 4.5, key


def test_every_tone_has_a_style() -> None:
    for theme in load_themes()[0].values():
        assert set(palette_of(theme).tones) == set(Tone)
