"""Single values of a line: attempts, escapes, times, durations and paths."""

from __future__ import annotations

import pytest

from iamops.accesslog.format import Escape, TimeFormat
from iamops.accesslog.values import (
    NO_TIME,
    VALUE_MAX,
    Resolution,
    attempts,
    bucket_of,
    bucket_start,
    pattern_of,
    slot_of,
    slot_text,
    unescaped,
    zone_seconds,
)

AT = 1795542360  # 2026-11-24T17:46:00Z


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("24/Nov/2026:17:46:29 +0000", TimeFormat.LOCAL),
        ("24/Nov/2026:23:16:29 +0530", TimeFormat.LOCAL),
        ("2026-11-24T17:46:29+00:00", TimeFormat.ISO),
        ("2026-11-24T12:46:29-05:00", TimeFormat.ISO),
        ("1795542389.123", TimeFormat.MSEC),
    ],
)
def test_a_time_is_in_its_slot_whatever_the_form_and_the_zone(value: str, form: TimeFormat):
    assert slot_of(slot_text(value, form, Resolution.MINUTE), form, Resolution.MINUTE) == AT
    fine = slot_text(value, form, Resolution.TEN_SECONDS)
    assert slot_of(fine, form, Resolution.TEN_SECONDS) == AT + 20


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", TimeFormat.LOCAL),
        ("24/Foo/2026:17:46 +0000", TimeFormat.LOCAL),
        ("31/Feb/2026:17:46 +0000", TimeFormat.LOCAL),
        ("2026-13-01T00:00+00:00", TimeFormat.ISO),
        ("²", TimeFormat.MSEC),
        ("9" * 13, TimeFormat.MSEC),
        ("1795542360", None),
    ],
)
def test_what_is_no_time_has_no_slot(text: str, form: TimeFormat | None):
    assert slot_of(text, form, Resolution.MINUTE) == NO_TIME


def test_a_zone_is_counted_east_of_utc():
    assert [zone_seconds(zone) for zone in ("Z", "+0530", "-05:00")] == [0, 19800, -18000]


def test_attempts_stand_apart_also_where_a_request_was_redirected_internally():
    assert attempts("10.0.4.20:8080, 10.0.4.21:8080 : 127.0.0.1:9090") == [
        "10.0.4.20:8080",
        "10.0.4.21:8080",
        "127.0.0.1:9090",
    ]


@pytest.mark.parametrize(
    ("value", "escape", "sent"),
    [
        ("/\\xC3\\xBC\\x22", Escape.DEFAULT, '/ü"'),
        ('/\\"\\\\', Escape.JSON, '/"\\'),
        ("\\u00fc", Escape.JSON, "ü"),
        ("\\ud800 broken", Escape.JSON, "\ufffd broken"),
        ("\\q is no escape", Escape.JSON, "\\q is no escape"),
        ("plain", Escape.DEFAULT, "plain"),
    ],
)
def test_a_value_is_what_the_client_sent(value: str, escape: Escape, sent: str):
    assert unescaped(value, escape) == sent


def test_a_duration_is_within_a_64th_of_its_bucket():
    for ms in (1, 127, 128, 1000, 59_999, 3_600_000):
        assert ms * 63 / 64 <= bucket_start(ms) <= ms


def test_what_is_no_duration_stays_as_it_is():
    assert [bucket_of(text) for text in ("0.132", "-", "", "1" * 13)] == ["132", "-", "", "1" * 13]


def test_a_path_names_its_pattern_and_not_one_thing_among_many():
    assert pattern_of("/v1/users/17/keys/4?x=1") == "/v1/users/:id/keys/:id"
    assert pattern_of("/1/2/3") == "/:id/:id/:id"
    assert pattern_of("/secrets/1b4e28ba-2fa1-11d2-883f-0016d3cca427") == "/secrets/:id"
    assert pattern_of("/v1/users/cafe") == "/v1/users/cafe"
    assert len(pattern_of("/" + "x" * 5000)) == VALUE_MAX
