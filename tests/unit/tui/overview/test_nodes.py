"""The node list: a line per node, filtered by state."""

from __future__ import annotations

from dataclasses import replace

from iamops.tui.overview.nodes import NodeList
from iamops.tui.toolkit.painted import ViewState
from iamops.tui.toolkit.text import PaneContent, text_of
from tests.support import scenes
from tests.support.scenes import NOW


def node_list(moment: ViewState, width: int) -> PaneContent:
    return NodeList().content(moment, width, 9)


def test_the_node_list_has_a_line_per_node_and_makes_only_what_is_looked_at() -> None:
    picture = node_list(ViewState(scenes.many(), NOW), 80)
    assert len(picture.rows) == 50
    assert text_of(picture.rows[0].line).startswith("★ iam-01     ◆ MASTER")
    assert "? UNKNOWN" in text_of(picture.rows[6].line)


def test_the_node_list_filters_by_state() -> None:
    picture = node_list(replace(ViewState(scenes.many(), NOW), filter_text="unknown"), 80)
    assert picture.rows.keys == ("iam-07", "iam-14", "iam-21", "iam-28", "iam-35", "iam-42", "iam-49")
