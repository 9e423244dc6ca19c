"""`iamops traffic` as a command line: since when, how many rows, and which form."""

from __future__ import annotations

import time

import pytest

from iamops.cli.main import parser
from tests.support.command_line import refused

TRAFFIC = ("--profile", "lab", "traffic")


def since(*argv: str) -> float | None:
    return parser().parse_args([*TRAFFIC, *argv]).since


def test_a_span_begins_with_a_whole_minute():
    found, now = since("--since", "90s"), time.time()
    assert found is not None
    assert found % 60 == 0
    assert now - 90 - 61 < found <= now - 90


def test_a_quarter_of_an_hour_is_asked_for_by_itself_and_all_has_no_beginning():
    found = since()
    assert found is not None
    assert 900 <= time.time() - found < 1000
    assert since("--since", "all") is None


@pytest.mark.parametrize("value", ["0", "-1", "10001", "x"])
def test_the_rows_of_a_table_are_a_number_that_shows_something(value: str, capsys: pytest.CaptureFixture[str]):
    assert "--top" in refused(capsys, *TRAFFIC, f"--top={value}")


def test_one_form_is_asked_for_at_a_time(capsys: pytest.CaptureFixture[str]):
    assert "not allowed with" in refused(capsys, *TRAFFIC, "--json", "--csv")
