"""Numbers and states in a sentence."""

from __future__ import annotations

import pytest

from console.model.words import being, counted


@pytest.mark.parametrize(("number", "said"), [(0, "0 files"), (1, "1 file"), (2, "2 files")])
def test_one_is_not_several(number: int, said: str):
    assert counted(number, "file") == said


def test_a_unit_has_failed_and_is_inactive():
    assert (being("failed"), being("inactive")) == ("has failed", "is inactive")
