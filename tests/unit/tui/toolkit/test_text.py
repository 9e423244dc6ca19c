"""Toned text: cut by cells with a mark, padded to a width, and numbers as short words."""

from __future__ import annotations

import pytest

from iamops.tui.toolkit.text import (
    Cell,
    Row,
    Rows,
    TextSpan,
    Tone,
    age,
    align_ends,
    clip,
    clip_line,
    column,
    count,
    duration,
    first_fitting,
    fit_line,
    latency,
    line_of_cells,
    percent,
    printable,
    rate,
    right,
    text_of,
    width_of,
)


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("iam-a", 5, "iam-a"),
        ("iam-a", 4, "iam…"),
        ("iam-a", 1, "…"),
        ("iam-a", 0, ""),
        ("iam a", 5, "iam a"),
        ("iam a", 4, "iam…"),
        ("iam   ", 4, "iam "),
        ("漢字漢字", 8, "漢字漢字"),
        ("漢字漢字", 5, "漢字…"),
        ("漢字漢字", 4, "漢…"),
    ],
)
def test_a_cut_shows_and_no_cell_is_too_many(text: str, width: int, shown: str):
    assert clip(text, width) == shown


def test_what_would_act_on_a_terminal_is_text_before_it_is_measured():
    text = printable("a\x1b[31mb")
    assert "\x1b" not in text
    assert width_of((TextSpan("a\x1b[31mb"),)) == len(text)
    assert "\x1b" not in clip("\x1b" * 1000, 2000)


@pytest.mark.parametrize("text", ["", "iam-a", "漢字漢字漢字", "x" * 300])
@pytest.mark.parametrize("width", [0, 1, 5, 20])
def test_a_column_is_exactly_as_wide_as_it_is_asked_to_be(text: str, width: int):
    for made in (column(text, width), right(text, width)):
        assert width_of((TextSpan(made),)) == width


def test_a_number_stands_at_the_right_and_a_name_at_the_left():
    assert (column("ab", 4), right("ab", 4)) == ("ab  ", "  ab")


def test_a_line_is_cut_at_the_span_that_does_not_fit_and_nothing_stands_behind_the_cut():
    line = (TextSpan("iam-a ", Tone.TITLE), TextSpan("MASTER ", Tone.OK), TextSpan("x", Tone.DOWN))
    assert clip_line(line, 9) == (TextSpan("iam-a ", Tone.TITLE), TextSpan("MA…", Tone.OK))
    assert clip_line(line, 14) == line
    assert clip_line(line, 0) == ()


def test_a_short_line_is_filled_in_the_tone_that_was_asked_for():
    assert fit_line((TextSpan("ab"),), 5, Tone.BAR) == (TextSpan("ab"), TextSpan("   ", Tone.BAR))
    assert text_of(fit_line((TextSpan("abcdef"),), 5)) == "abcd…"


@pytest.mark.parametrize(("width", "shown"), [(12, "iam-a────9/9"), (9, "iam-a─9/9"), (8, "iam…─9/9"), (3, "9/9")])
def test_of_two_ends_the_left_one_gives_way(width: int, shown: str):
    assert text_of(align_ends((TextSpan("iam-a"),), (TextSpan("9/9"),), width, "─")) == shown


def test_the_first_variant_that_fits_is_taken_and_else_the_last():
    long, short = (TextSpan("requests per second"),), (TextSpan("req/s"),)
    assert first_fitting((long, short), 40) == long
    assert first_fitting((long, short), 10) == short
    assert first_fitting((long, short), 2) == short
    assert first_fitting((), 2) == ()


def test_neighbours_of_one_tone_become_one_span():
    line = line_of_cells([("a", Tone.OK), ("b", Tone.OK), ("c", Tone.DOWN), ("d", Tone.OK)])
    assert line == (TextSpan("ab", Tone.OK), TextSpan("c", Tone.DOWN), TextSpan("d", Tone.OK))


def test_only_rows_that_are_looked_at_are_made_and_each_once():
    made: list[int] = []

    def make(at: int) -> Row:
        made.append(at)
        return Row.single_cell(str(at), (TextSpan(str(at)),), f"row {at}", 10)

    rows = Rows(map(str, range(50)), make)
    assert len(rows) == 50
    assert [row.key for row in rows[10:12]] == ["10", "11"]
    assert rows[-1].key == "49"
    assert rows[10].cells == (Cell(0, 10, "row 10"),)
    assert made == [10, 11, 49]
    with pytest.raises(IndexError):
        rows[50]


def test_on_a_row_without_cells_no_cursor_rests():
    rows = Rows.of([Row("head", (TextSpan("head"),)), Row.single_cell("a", (TextSpan("a"),), "a", 1)])
    assert rows.keys == ("", "a")
    assert len(Rows()) == 0


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (0.99, "<1s"),
        (1, "1s"),
        (59.9, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (86400 * 2, "2d"),
    ],
)
def test_an_age_that_is_not_known_is_a_dash_and_no_number(seconds: float | None, shown: str):
    assert age(seconds) == shown


@pytest.mark.parametrize(
    ("ms", "shown"),
    [(None, ""), (0.94, "0.9 ms"), (9.94, "9.9 ms"), (9.95, "10 ms"), (999.4, "999 ms"), (999.5, "1.0 s")],
)
def test_a_latency_never_reads_as_a_thousand_milliseconds(ms: float | None, shown: str):
    assert latency(ms) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (999_949, "999.9k"), (999_950, "1.0M"), (2_500_000_000, "2.5G")],
)
def test_an_amount_never_reads_as_a_thousand_of_its_unit(number: float, shown: str):
    assert count(number) == shown


@pytest.mark.parametrize(("per_s", "shown"), [(0, "0/s"), (2.5, "2.5/s"), (99.95, "100/s"), (1200, "1.2k/s")])
def test_a_rate_of_nothing_is_a_plain_zero(per_s: float, shown: str):
    assert rate(per_s) == shown


@pytest.mark.parametrize(
    ("share", "shown"), [(0, "0%"), (0.0001, "<0.1%"), (0.012, "1.2%"), (0.0995, "10%"), (1, "100%")]
)
def test_a_share_that_is_not_zero_never_reads_as_zero(share: float, shown: str):
    assert percent(share) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(50, "50s"), (119, "119s"), (120, "2m"), (600, "10m")])
def test_a_length_of_time_is_in_minutes_from_two_on(seconds: float, shown: str):
    assert duration(seconds) == shown
