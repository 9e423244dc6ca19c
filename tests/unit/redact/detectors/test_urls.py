"""Passwords in addresses; an address without one stays whole."""

from __future__ import annotations

import pytest

from iamops.redact.detectors.urls import spans
from tests.support.secret_spans import taken


@pytest.mark.parametrize(
    ("text", "kind", "secret"),
    [
        (b"redis://iam:s3cr3tWord9@10.0.4.20:6379/0", "url_password", b"s3cr3tWord9"),
        (b"iam:s3cr3tWord9@tcp(10.0.4.20:3306)/iam", "url_password", b"s3cr3tWord9"),
        (b"https://hooks.slack.com/services/T000/B000/XXXXXXXXXXXXXXXX", "webhook", b"T000/B000/XXXXXXXXXXXXXXXX"),
    ],
)
def test_the_secret_is_found_and_named_by_its_kind(text: bytes, kind: str, secret: bytes):
    assert taken(spans, text) == {(kind, secret)}


@pytest.mark.parametrize(
    "text",
    [
        b"http://10.0.4.20:8080/healthz",
        b"iam@10.0.4.20:22",
        b"[::1]:8080",
    ],
)
def test_what_only_looks_like_it_stays(text: bytes):
    assert taken(spans, text) == set()
