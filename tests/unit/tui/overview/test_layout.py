"""Where everything stands, from tiny to huge."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from textual.geometry import Region

from iamops.tui.overview.layout import Layout, LayoutNeeds, overview_layout

PAIR = LayoutNeeds(1, 2, 8)
FIFTY = LayoutNeeds(1, 50, 50)


def rows(place: Region) -> tuple[int, int]:
    """First and last line, counted from one, as the row plan does."""
    return (place.y + 1, place.y + place.height)


def everything(layout: Layout) -> list[Region]:
    return [*layout.places.values(), *layout.cards]


def test_the_row_plan_of_80x24() -> None:
    made = overview_layout(80, 24, PAIR)
    assert {name: rows(place) for name, place in made.places.items()} == {
        "header": (1, 1),
        "witnesses": (2, 2),
        "services": (8, 16),
        "requests": (17, 21),
        "events": (17, 21),
        "finding": (22, 22),
        "foot": (23, 24),
    }
    assert [rows(card) for card in made.cards] == [(3, 7), (3, 7)]
    assert made.tall_requests


def test_below_80_columns_cards_stack() -> None:
    first, second = overview_layout(79, 30, PAIR).cards
    assert first.x == second.x == 0
    assert second.y == first.y + first.height


def test_below_20_rows_the_sparklines_go() -> None:
    assert "requests" not in overview_layout(80, 19, PAIR).places
    assert "requests" in overview_layout(80, 20, PAIR).places


def test_from_120x34_on_the_event_log_and_the_plot_join() -> None:
    made = overview_layout(120, 34, PAIR)
    assert made.roomy
    assert "plot" in made.places
    assert made.places["events"].height > 15
    assert "plot" not in overview_layout(119, 34, PAIR).places


def test_fifty_nodes_become_a_list() -> None:
    made = overview_layout(80, 24, FIFTY)
    assert not made.cards
    assert made.places["nodes"].height >= 6
    assert made.places["services"].height >= 5


@pytest.mark.parametrize(
    "needs",
    [replace(PAIR, finding_rows=21), FIFTY, LayoutNeeds(1, 1, 1), LayoutNeeds(2, 5, 9, 2), LayoutNeeds(3, 12, 20)],
)
def test_nothing_overlaps_and_nothing_leaves_the_screen(needs: LayoutNeeds) -> None:
    for width, height in itertools.product((20, 40, 60, 76, 79, 80, 100, 119, 120, 200), range(5, 61)):
        places = everything(overview_layout(width, height, needs))
        for place in places:
            assert place.x >= 0
            assert place.x + place.width <= width
            assert place.y + place.height <= height
        for one, other in itertools.combinations(places, 2):
            apart_x = one.x + one.width <= other.x or other.x + other.width <= one.x
            apart_y = one.y + one.height <= other.y or other.y + other.height <= one.y
            assert apart_x or apart_y, (width, height, one, other)


@pytest.mark.parametrize(("height", "rows"), [(34, 3), (36, 5), (40, 9), (60, 18)])
def test_findings_take_what_leaves_room_for_the_rest(height: int, rows: int) -> None:
    one, several = (overview_layout(120, height, replace(PAIR, finding_rows=n)) for n in (0, 21))
    assert one.places["finding"].height == 4
    assert several.places["finding"].height == 1 + rows
    assert several.places["services"].height == 9
    assert several.places["plot"].height >= 6


@pytest.mark.parametrize("height", range(5, 61))
def test_the_foot_of_the_screen_is_always_there(height: int) -> None:
    made = overview_layout(80, height, PAIR)
    assert {"header", "finding", "foot"} <= set(made.places)
