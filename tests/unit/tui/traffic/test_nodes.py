"""The traffic of each node: its widths, its bar of classes, its story."""

from __future__ import annotations

from collections import Counter

import pytest

from iamops.model.traffic import Traffic
from iamops.tui.toolkit.text import text_of
from iamops.tui.traffic.nodes import NodeTable, class_bar, story
from tests.support.feeds import slot
from tests.support.traffic_parts import drawn
from tests.support.traffic_view import snapshot


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 120, 200])
def test_the_node_table_keeps_within_its_width_and_the_name_stays(width: int):
    rows = drawn(NodeTable, snapshot(slot(5000)), width).rows
    assert all(len(text_of(row.line)) <= width for row in rows)
    assert all(text_of(row.line).strip() for row in rows)


def test_every_class_has_a_cell_in_the_bar_however_small_its_share():
    bar = class_bar(Traffic(Counter({"200": 100_000, "302": 1, "404": 1, "502": 1})), 30)
    assert text_of(bar) == "▒" * 27 + "░▓█"
    assert class_bar(Traffic(), 30) == ()


def test_the_story_names_every_class_and_the_times():
    said = story(snapshot(slot(600)), slot(600))
    assert "5xx 0 (0%)" in said
    assert "clients gone (499)" in said
    assert "p99" in said
