"""Numbers and states in a sentence."""

from __future__ import annotations

import pytest

from iamops.model.text import being, counted, lasting


@pytest.mark.parametrize(("number", "said"), [(0, "0 files"), (1, "1 file"), (2, "2 files")])
def test_one_is_not_several(number: int, said: str):
    assert counted(number, "file") == said


def test_a_span_is_said_in_the_unit_that_fits_it():
    spans = {
        0.04: "40 ms",
        12.4: "12 s",
        119.4: "119 s",
        119.6: "2 min",
        7100: "118 min",
        11_000: "3 h",
        4e5: "5 days",
    }
    assert {seconds: lasting(seconds) for seconds in spans} == spans


def test_a_unit_has_failed_and_is_inactive():
    assert (being("failed"), being("inactive")) == ("has failed", "is inactive")
