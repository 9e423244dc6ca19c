"""A format of a profile, or a filter of a command, that would take for ever to understand is refused."""

from __future__ import annotations

import time

import pytest

from iamops.accesslog.filter import WhereError, where
from iamops.accesslog.format import MAIN, MOST_VARIABLES, FormatError, log_format


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (MAIN + " ".join(f"$a{number}" for number in range(2000)), "more than 128 variables"),
        (MAIN + "$http_x " * 2000, "more than 128 variables"),
        (MAIN + '"x' * 60_000, "more than 16384 characters"),
    ],
    ids=["many names", "one name many times", "long"],
)
def test_a_format_that_would_take_for_ever_is_refused(text: str, why: str):
    with pytest.raises(FormatError, match=why):
        log_format(text)


def test_the_longest_format_that_is_taken_takes_no_time():
    began = time.process_time()
    log_format(MAIN + " " + " ".join(f"$a{number}" for number in range(MOST_VARIABLES - MAIN.count("$"))))
    assert time.process_time() - began < 5.0


def test_a_pattern_nested_without_end_is_told_so():
    with pytest.raises(WhereError, match="path~"):
        where("path~" + "(" * 5000 + ")" * 5000)
