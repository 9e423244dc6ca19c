"""A silence that is read back from disk."""

from __future__ import annotations

import pytest

from console.judge.silence import silence_of


def test_a_time_with_more_digits_than_any_has_is_no_silence():
    with pytest.raises(ValueError, match="more digits"):
        silence_of({"since": int("9" * 400), "until": 1, "reason": "x", "by": "y"})
