"""The parts of the Traffic view by themselves: tables, bars, curves, axis, and where they stand."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest
from textual.geometry import Region

from iamops.accesslog.format import LogField
from iamops.model.traffic import Backend, Latency, Traffic
from iamops.tui.toolkit.frame_state import ViewState
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.plot import time_ticks
from iamops.tui.toolkit.text import PaneContent, text_of
from iamops.tui.traffic.backends import BackendTable, backend_rows
from iamops.tui.traffic.nodes import NodeTable, class_bar, story
from iamops.tui.traffic.plot import curves_of
from iamops.tui.traffic.screen import traffic_places
from iamops.tui.traffic.snapshot import NodeTraffic, TrafficSnapshot
from iamops.tui.traffic.tables import Top, TopTable
from tests.support.feeds import slot
from tests.support.scenes import NOW
from tests.support.traffic_view import snapshot, state


def drawn(table: type[NodeTable | BackendTable | TopTable], taken: TrafficSnapshot, width: int) -> PaneContent:
    return content(table("table", lambda: taken), width)


def content(pane: Pane, width: int) -> PaneContent:
    return pane.content(ViewState(state(), NOW), width, 9)


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


def test_many_nodes_have_one_curve_and_few_have_their_own():
    cluster = state()
    assert [name for name, _ in curves_of(snapshot(slot(100), nodes=3), cluster).curves] == [
        "node-0",
        "node-1",
        "node-2",
    ]
    whole = curves_of(snapshot(slot(100), nodes=50), cluster)
    assert [name for name, _ in whole.curves] == ["all nodes"]
    assert whole.top == pytest.approx(50 * slot(100).total / 10)


def test_what_happened_before_the_window_is_not_in_the_plot():
    shown = curves_of(snapshot(slot(100), span="1m"), state())
    assert (shown.moves, shown.actions) == ((), ())
    longer = curves_of(snapshot(slot(100), span="5m"), state())
    assert (longer.moves, longer.actions) == ((-240.0,), (-150.0,))


@pytest.mark.parametrize(
    ("length_s", "first", "number"), [(60, "-1m", 5), (300, "-5m", 6), (3600, "-60m", 7), (86400, "-24h", 7)]
)
def test_the_axis_of_time_has_round_places(length_s: float, first: str, number: int):
    places, words = time_ticks(length_s)
    assert (words[0], words[-1], len(places)) == (first, "now", number)


def test_a_backend_is_named_as_the_profile_calls_it_and_partial_formats_are_told():
    traffic = Traffic(backends={"10.0.4.20:8080": Backend(8, 1, Latency(Counter({12: 8}))), "-x": Backend(1)})
    found = drawn(BackendTable, snapshot(traffic), 46)
    assert found.rows[1].cells[0].detail == (
        "iam-a apiserver · 8 requests, 89% · 1 failed · p99 12 ms · 10.0.4.20:8080 to nginx on node-0"
    )
    partial = snapshot(traffic)
    form = replace(partial.form, fields={LogField.STATUS: "status", LogField.UPSTREAM: "upstream_addr"})
    told = drawn(BackendTable, replace(partial, form=form), 46)
    assert text_of(told.rows[1].line).split()[-2:] == ["?", "?"]
    assert "no backend's status" in told.rows[1].cells[0].detail


def test_each_machine_has_a_row_of_its_own_however_its_nginx_calls_it():
    """127.0.0.1 is another machine to each nginx."""
    own, peer = Backend(6, 1), Backend(3)
    by_a = Traffic(backends={"127.0.0.1:8080": own, "10.0.4.21:8080": peer, "127.0.0.1:9999": Backend(1)})
    by_b = Traffic(backends={"127.0.0.1:8080": Backend(5), "10.0.4.20:8080": Backend(2, 2)})
    nodes = (NodeTraffic("iam-a", by_a), NodeTraffic("iam-b", by_b))
    rows = backend_rows(replace(snapshot(by_a), nodes=nodes), state().profile)
    assert {row.name: (row.backend.requests, row.backend.errors) for row in rows} == {
        "iam-a apiserver": (8, 3),
        "iam-b apiserver": (8, 0),
        "iam-a 127.0.0.1:9999": (1, 0),
    }
    assert dict(rows[1].was_asked) == {("iam-a", "127.0.0.1:8080"): 6, ("iam-b", "10.0.4.20:8080"): 2}


def test_statuses_have_no_share_of_failures_and_empty_tables_say_so():
    pane = TopTable("table", lambda: snapshot(slot(600)))
    pane.turn_to(Top.STATUSES)
    assert [heading.text for _, heading in content(pane, 60).overlays] == ["reqs", "share"]
    empty = drawn(TopTable, snapshot(Traffic()), 60)
    assert "no requests in this window" in text_of(empty.rows[0].line)


@pytest.mark.parametrize("nodes", [1, 2, 50])
@pytest.mark.parametrize("width", [20, 60, 80, 120, 200])
@pytest.mark.parametrize("height", [4, 8, 12, 18, 24, 40, 60])
def test_the_parts_never_overlap_nor_leave_the_screen(width: int, height: int, nodes: int):
    places = traffic_places(width, height, nodes, 4)
    for place in places.values():
        assert place.x >= 0
        assert place.width > 0
        assert place.x + place.width <= width
        assert place.height > 0
        assert place.y + place.height <= max(height, 3)
    if height >= 8:
        assert not [pair for pair in combinations(places.values(), 2) if _overlap(*pair)]
        assert "top" in places


def _overlap(one: Region, other: Region) -> bool:
    beside = one.x + one.width <= other.x or other.x + other.width <= one.x
    return not beside and not (one.y + one.height <= other.y or other.y + other.height <= one.y)
