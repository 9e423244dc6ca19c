"""Requests: rates from counts, sparklines, markers."""

from __future__ import annotations

import re

from iamops.model.events import RequestsCounted
from iamops.model.facts import RequestCount
from iamops.model.reduce import reduce
from iamops.tui.overview.requests import Axis, RequestPlot, RequestRates, blocks, curves, rates, share
from iamops.tui.toolkit.painted import ViewState
from iamops.tui.toolkit.pane import rule
from iamops.tui.toolkit.text import PaneContent, Tone, text_of
from tests.support import scenes
from tests.support.scenes import NOW, A, B


def requests(moment: ViewState, width: int, *, tall: bool) -> PaneContent:
    pane = RequestRates()
    pane.tall = tall
    return pane.content(moment, width, 9)


def lines(moment: ViewState, width: int = 34, *, tall: bool = True) -> list[str]:
    return [text_of(row.line).rstrip() for row in requests(moment, width, tall=tall).rows]


def test_a_steady_stream_is_a_steady_rate() -> None:
    samples = [(float(t), t * 5) for t in range(100)]
    axis = Axis(80.0, 2, 9)
    assert rates(samples, axis, 99.0) == (5.0,) * 9


def test_before_the_first_count_nothing_is_known() -> None:
    samples = [(float(t), t * 5) for t in range(50, 100)]
    assert rates(samples, Axis(46.0, 2, 4), 99.0)[:2] == (None, None)
    assert blocks([None, 0.0, 5.0, 10.0], 10.0) == " ▁▅█"


def test_buckets_stand_still_between_two_frames() -> None:
    first, later = Axis.ending(1000.2, 24), Axis.ending(1003.9, 24)
    assert first == later
    assert first.length_s >= 120


def test_the_5xx_share_is_that_of_the_time_shown() -> None:
    whole = [(0.0, 0), (10.0, 100), (20.0, 200)]
    failed = [(0.0, 0), (10.0, 50), (20.0, 60)]
    assert share(failed, whole, 10.0) == 0.1
    assert share(failed, whole, 20.0) is None


def test_numbers_below_the_graph() -> None:
    said = lines(ViewState(scenes.healthy(), NOW))
    assert re.fullmatch(r" iam-a [▁-█]{25}", said[0])
    assert said[1].endswith("10.1k · 5xx 0%")


def test_failing_answers_have_a_glyph_and_a_tone() -> None:
    row = requests(ViewState(scenes.troubled(), NOW), 34, tall=True).rows[3]
    assert "✗ 5xx 7.2%" in text_of(row.line)
    assert Tone.DOWN in {span.tone for span in row.line}


def test_a_vip_move_is_marked_above_the_moment_it_happened() -> None:
    picture = requests(ViewState(scenes.moved(), NOW), 34, tall=True)
    title = text_of(rule(picture, 34))
    assert title.count("▼") == 1
    drop = text_of(picture.rows[0].line).index("▁")
    assert abs(title.index("▼") - drop) <= 1


def test_an_unknown_node_has_no_graph_and_no_zero() -> None:
    said = lines(ViewState(scenes.dark(), NOW))
    assert said[2] == " iam-b ? UNKNOWN"
    assert said[3] == ""


def test_a_stale_node_keeps_a_dim_graph() -> None:
    row = requests(ViewState(scenes.dark(silent_s=6), NOW), 34, tall=True).rows[2]
    assert row.line[1].tone is Tone.STALE


def test_one_line_per_node_has_numbers_before_the_graph() -> None:
    said = lines(ViewState(scenes.healthy(), NOW), 80, tall=False)
    assert len(said) == 2
    assert "total" in said[0]
    assert re.search(r"5xx 0% +[▁-█]+$", said[0])


def test_a_filter_about_something_else_leaves_the_traffic_in_sight() -> None:
    assert len(lines(ViewState(scenes.healthy(), NOW, filter_text="mongodb"))) == 4
    assert len(lines(ViewState(scenes.healthy(), NOW, filter_text="iam-b"))) == 2


def test_the_reducer_keeps_the_5xx_counts_beside_the_totals() -> None:
    state = scenes.healthy()
    for total, failed in ((9000, 3), (9100, 7)):
        count = RequestCount(total, {"5xx": failed})
        state = reduce(state, RequestsCounted(NOW, B, count))
    assert state.nodes[B].errors[-2:] == ((NOW, 3), (NOW, 7))


def test_a_new_log_file_starts_both_over() -> None:
    state = reduce(scenes.healthy(), RequestsCounted(NOW, A, RequestCount(5, {"5xx": 1})))
    assert state.nodes[A].samples == ((NOW, 5),)
    assert state.nodes[A].errors == ((NOW, 1),)


def test_the_plot_sums_the_nodes_and_shows_moves() -> None:
    moment = ViewState(scenes.moved(), NOW)
    shown = curves(moment, 60)
    assert len(shown.moves) == 1
    # Forty seconds ago; the axis ends with the ten seconds that are filling.
    assert -51 < shown.moves[0] <= -40
    canvas = [text_of(line) for line in RequestPlot().plotted(moment, 70, 10)[1]]
    assert len(canvas) == 10
    assert canvas[0].startswith("   ")
    # The curve may cross the move's line, and then stands before it.
    assert sum("│" in line for line in canvas) >= 5


def test_the_plot_of_nothing_says_so() -> None:
    _, lines = RequestPlot().plotted(ViewState(scenes.starting(), NOW), 70, 10)
    assert [text_of(line) for line in lines] == [" no request counts yet"]
