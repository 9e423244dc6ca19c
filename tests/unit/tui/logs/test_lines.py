"""Log lines as text: what passes a filter, widths, wrapping, and how a list of them scrolls."""

from __future__ import annotations

import pytest

from iamops.model.facts import Severity
from iamops.model.journal import LogLine, LogSource
from iamops.tui.logs.lines import (
    LogFilter,
    RowLayout,
    brief,
    copied_text,
    first_visible,
    height,
    line_in_full,
    log_rows,
)
from iamops.tui.toolkit.text import text_of, width_of
from tests.support.scenes import NOW
from tests.support.taps import request


@pytest.mark.parametrize(
    ("needle", "kept"),
    [
        ("", True),
        ("connection REFUSED", True),
        ("refused connection", False),
        ("iam-b", True),
        ("error", True),
        ("node:iam-b", True),
        ("node:iam-a", False),
        ("node:iam-a node:iam-b", True),
        ("source:error source:journal", True),
        ("source:access", False),
        ("!refused", False),
        ("!accepted node:", True),
        ("iam-b error 2026", True),
    ],
)
def test_what_passes_a_filter(needle: str, kept: bool):
    line = LogLine(NOW, "iam-b", LogSource.ERROR, "2026/11/24 Connection refused")
    assert LogFilter.of(needle).keeps(line) is kept


def test_what_is_about_the_whole_cluster_passes_for_every_node():
    assert LogFilter.of("node:iam-b").keeps(LogLine(NOW, "", LogSource.MARK, "drill begins"))


def test_rows_are_never_wider_than_the_screen():
    for text in ("停" * 400, "a\tb\x1b[31m" * 100, "x" * 500, "", "e\u0301" * 300):
        line = LogLine(NOW, "a-node-with-a-very-long-name", LogSource.ACCESS, text, Severity.CRITICAL, 7)
        for width in (20, 40, 80, 120):
            form = RowLayout(width, 10, wrapped=True)
            rows = log_rows(line, form, marked=True)
            assert len(rows) == height(line, form)
            assert all(width_of(row.line) <= max(width, form.indent + 8) for row in rows)


def test_an_endless_line_leaves_room_for_others():
    line = LogLine(NOW, "iam-a", LogSource.ERROR, "A" * 4000)
    rows = log_rows(line, RowLayout(80, 5, wrapped=True), marked=False)
    assert len(rows) == 8
    assert text_of(rows[-1].line).strip() == "… Enter shows the rest"


def test_the_time_is_not_told_twice_and_a_clients_brackets_stay():
    line = LogLine(NOW, "iam-a", LogSource.ACCESS, request("/a"))
    assert brief(line) == '10.0.4.1 - - "GET /a HTTP/1.1" 200 612 "-" "curl/8.5.0" "-"'
    odd = LogLine(NOW, "iam-a", LogSource.ACCESS, '"GET /[24/Nov/2026:17:46:29 +0000] x"')
    assert brief(odd) == odd.text
    assert copied_text(line) == f"iam-a access {line.text}"


def test_the_line_in_full_is_wrapped_to_the_width():
    line = LogLine(NOW, "", LogSource.MARK, "word " * 100)
    story = line_in_full(line, 40)
    assert text_of(story[0]) == "08:53:20  the cluster  event"
    assert all(width_of(each) <= 40 for each in story)
    assert text_of(line_in_full(None, 40)[0]) == "no line is under the cursor"


@pytest.mark.parametrize(
    ("top", "cursor", "first"),
    [(0, 0, 0), (0, 9, 0), (0, 10, 1), (50, 40, 40), (95, 99, 90), (100, 99, 90), (3, 5, 3)],
)
def test_the_list_scrolls_no_more_than_it_must(top: int, cursor: int, first: int):
    assert first_visible(100, top, cursor, 10, lambda n: 1) == first


def test_a_line_higher_than_the_screen_begins_at_its_top():
    assert first_visible(5, 0, 3, 10, lambda n: 30 if n == 3 else 1) == 3
    assert first_visible(0, 4, 0, 10, lambda n: 1) == 0


def test_a_record_of_several_lines_is_one_row_that_opens():
    line = LogLine(
        NOW, "iam-a", LogSource.JOURNAL, "iam-api: POST /login", more=("Host: iam", "x" * 200), left_out=3
    )
    (row,) = log_rows(line, RowLayout(80, 5), marked=False)
    assert "+5 iam-api: POST /login" in text_of(row.line)
    opened = [text_of(each) for each in line_in_full(line, 70)]
    assert "Host: iam" in opened
    assert "and 3 lines that were not kept" in opened
    assert copied_text(line).endswith("POST /login\nHost: iam\n" + "x" * 200)
    assert LogFilter.of("host: iam").keeps(line)
    form = RowLayout(80, 5, wrapped=True)
    assert len(log_rows(line, form, marked=False)) == height(line, form) > 2
