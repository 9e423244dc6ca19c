"""The tables of what was asked for: shares, and what an empty one says."""

from __future__ import annotations

from iamops.model.traffic import Traffic
from iamops.tui.toolkit.text import text_of
from iamops.tui.traffic.tables import Top, TopTable
from tests.support.feeds import slot
from tests.support.traffic_parts import content, drawn
from tests.support.traffic_view import snapshot


def test_statuses_have_no_share_of_failures_and_empty_tables_say_so():
    pane = TopTable("table", lambda: snapshot(slot(600)))
    pane.turn_to(Top.STATUSES)
    assert [heading.text for _, heading in content(pane, 60).overlays] == ["reqs", "share"]
    empty = drawn(TopTable, snapshot(Traffic()), 60)
    assert "no requests in this window" in text_of(empty.rows[0].line)
