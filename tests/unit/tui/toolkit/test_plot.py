"""A plot's axis of time."""

from __future__ import annotations

import pytest

from iamops.tui.toolkit.plot import time_ticks


@pytest.mark.parametrize(
    ("length_s", "first", "number"), [(60, "-1m", 5), (300, "-5m", 6), (3600, "-60m", 7), (86400, "-24h", 7)]
)
def test_the_axis_of_time_has_round_places(length_s: float, first: str, number: int):
    places, words = time_ticks(length_s)
    assert (words[0], words[-1], len(places)) == (first, "now", number)
