"""A value with its time, or the reason why there is none."""

from __future__ import annotations

import pytest

from iamops.model.observed import (
    NOT_YET,
    STALE_AFTER_S,
    UNKNOWN_AFTER_S,
    Freshness,
    Known,
    Unknown,
    freshness,
    is_pending,
)


def test_a_source_that_fails_leaves_a_reason_and_when_there_last_was_a_value():
    assert Known(7, 100.0).lost("no answer") == Unknown("no answer", 100.0)
    assert Unknown("no answer", 100.0).lost("refused") == Unknown("refused", 100.0)


def test_an_age_is_never_negative_and_of_what_never_was_there_is_none():
    assert Known(7, 100.0).age_s(103.5) == 3.5
    assert Known(7, 100.0).age_s(99.0) == 0.0
    assert Unknown("no answer", 100.0).age_s(103.5) == 3.5
    assert Unknown().age_s(103.5) is None


def test_only_what_was_never_tried_is_pending():
    assert is_pending(Unknown())
    assert is_pending(Unknown(NOT_YET))
    assert not is_pending(Unknown("no answer"))
    assert not is_pending(Known(None, 1.0))


@pytest.mark.parametrize("cadence_s", [0.0, 30.0])
def test_a_value_is_stale_and_then_unknown_once_its_next_one_is_overdue(cadence_s: float):
    def after(age_s: float) -> Freshness:
        return freshness(100.0, 100.0 + cadence_s + age_s, cadence_s)

    assert after(STALE_AFTER_S) is Freshness.LIVE
    assert after(STALE_AFTER_S + 0.1) is Freshness.STALE
    assert after(UNKNOWN_AFTER_S) is Freshness.STALE
    assert after(UNKNOWN_AFTER_S + 0.1) is Freshness.UNKNOWN


def test_what_was_never_heard_is_unknown():
    assert freshness(None, 100.0) is Freshness.UNKNOWN
