"""Tables as data, and texts that are wrapped beside a label."""

from __future__ import annotations

from iamops.tui.toolkit.text import (
    TableColumn,
    TextSpan,
    Tone,
    labelled,
    table_cells,
    table_headings,
    text_of,
    wrapped,
)

COLUMNS: tuple[TableColumn[tuple[str, int]], ...] = (
    TableColumn("", 8, lambda item: TextSpan(item[0], Tone.TITLE)),
    TableColumn("reqs", 7, lambda item: TextSpan(str(item[1])), numeric=True),
    TableColumn("NAME", 6, lambda item: TextSpan(item[0])),
)


def test_a_number_ends_where_its_heading_ends_and_a_text_begins_where_its_heading_begins():
    row = text_of(table_cells(COLUMNS, ("iam-a", 1234)))
    (numbers, reqs), (names, name) = table_headings(COLUMNS, start=0)
    assert (reqs.text, name.text) == ("reqs", "NAME")
    assert row[: numbers + len("reqs")].endswith("1234")
    assert row[names:].startswith("iam-a")


def test_a_long_text_never_touches_the_next_column():
    cells = table_cells(COLUMNS, ("a-very-long-name", 1))
    assert [span.text for span in cells] == ["a-very… ", "      1", "a-ve… "]
    assert cells[0].tone is Tone.TITLE


def test_a_text_is_wrapped_beside_its_label():
    lines = labelled("next ", "restart nginx on the standby, then look again", Tone.MUTED, 30, Tone.ACCENT)
    assert [text_of(line) for line in lines] == ["next restart nginx on the", "     standby, then look again"]
    assert [[span.tone for span in line] for line in lines] == [[Tone.MUTED, Tone.ACCENT]] * 2


def test_what_a_node_says_is_wrapped_harmless():
    (line,) = wrapped("x\x1b[31m\ny", Tone.DOWN, 40, indent="  ")
    assert "\x1b" not in text_of(line)
    assert text_of(line).startswith("  x")
    assert [text_of(line) for line in wrapped("one two three four five six", Tone.PLAIN, 20, hanging="  ")] == [
        "one two three four",
        "  five six",
    ]
