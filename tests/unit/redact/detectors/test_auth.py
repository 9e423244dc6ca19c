"""AUTH of Redis and of mail, and passwords that are piped: found by the word in front, not by their looks."""

from __future__ import annotations

import pytest

from iamops.redact.detectors.auth import spans
from tests.support.secret_spans import taken


@pytest.mark.parametrize(
    ("text", "kind", "secret"),
    [
        (b"AUTH default s3cr3tWord9", "password", b"s3cr3tWord9"),
        (b'1699 [0 10.0.0.1:5] "AUTH" "s3cr3tWord9"', "password", b"s3cr3tWord9"),
        (b"AUTH s3cr3tWord9", "password", b"s3cr3tWord9"),
        (b"AUTH hunter2", "password", b"hunter2"),
        (b"AUTH timed hunter2", "password", b"hunter2"),
        (b"AUTH hunter2 timed", "password", b"timed"),
        (b"AUTH iam out", "password", b"out"),
        (b'"AUTH" "timed" "out"', "password", b"out"),
        (b'1699 [0 10.0.0.1:5] "AUTH" "rejected"', "password", b"rejected"),
        (b"AUTH PLAIN cmVqZWN0ZWQ=", "password", b"cmVqZWN0ZWQ="),
        (b"AUTH LOGIN\nczNjcjN0V29yZDk=\n", "password", b"czNjcjN0V29yZDk="),
        (b"printf %s s3cr3tWord9 | docker login --password-stdin", "password", b"s3cr3tWord9"),
        (b"AUTH PLAIN AGlhbQBzM2NyM3RXb3JkOQ==", "password", b"AGlhbQBzM2NyM3RXb3JkOQ=="),
        (b"echo s3cr3tWord9 | passwd --stdin iam", "password", b"s3cr3tWord9"),
    ],
)
def test_the_secret_is_found_and_named_by_its_kind(text: bytes, kind: str, secret: bytes):
    assert taken(spans, text) == {(kind, secret)}


@pytest.mark.parametrize(
    "text",
    [
        b"author of the change: iam",
        b"auth required",
        b"AUTH failed",
        b"AUTH failed for user",
        b"auth failed for user",
        b"AUTH timeout",
        b"AUTH timed out",
        b"AUTH timed out.",
        b"AUTH timed out after 5 s",
        b'{"message": "AUTH timed out"}',
        b"redis: AUTH TIMED OUT\nnext",
        b"AUTH rejected",
        b"AUTH attempt rejected",
        b"AUTH handshake aborted",
        b"AUTH PLAIN failed",
        b"AUTH LOGIN rejected",
        b"AUTH LOGIN timed out",
        b"AUTH PLAIN",
        b"cat list | grep echo",
        b"echo ready | logger",
    ],
)
def test_what_only_looks_like_it_stays(text: bytes):
    assert taken(spans, text) == set()
