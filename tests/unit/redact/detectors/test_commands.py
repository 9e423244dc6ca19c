"""Passwords typed as an option of a known command; the same option of another command is none."""

from __future__ import annotations

import pytest

from iamops.redact.detectors.commands import spans
from tests.support.secret_spans import taken


@pytest.mark.parametrize(
    ("text", "kind", "secret"),
    [
        (b"mysql -u iam -ps3cr3tWord9 -h db", "password", b"s3cr3tWord9"),
        (b"curl -u iam:s3cr3tWord9 https://x/", "password", b"s3cr3tWord9"),
        (b"sshpass -p s3cr3tWord9 ssh a", "password", b"s3cr3tWord9"),
        (b"ipmitool -U a -P s3cr3tWord9 power", "password", b"s3cr3tWord9"),
        (b"redis-cli -a s3cr3tWord9 ping", "password", b"s3cr3tWord9"),
    ],
)
def test_the_secret_is_found_and_named_by_its_kind(text: bytes, kind: str, secret: bytes):
    assert taken(spans, text) == {(kind, secret)}


@pytest.mark.parametrize(
    "text",
    [
        b"mysql -u iam -p",
        b"curl -u iam https://x/",
        b"mkdir -p /var/lib/iam",
    ],
)
def test_what_only_looks_like_it_stays(text: bytes):
    assert taken(spans, text) == set()
