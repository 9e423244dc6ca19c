"""Secrets in a sentence, a script or a login; a sentence about a password holds none."""

from __future__ import annotations

import pytest

from iamops.redact.detectors.sentences import spans
from tests.support.secret_spans import taken


@pytest.mark.parametrize(
    ("text", "kind", "secret"),
    [
        (b"the password for iam is s3cr3tWord9", "password", b"s3cr3tWord9"),
        (b'send "s3cr3tWord9\\r"', "password", b"s3cr3tWord9"),
        (b"login iam:s3cr3tWord9", "password", b"s3cr3tWord9"),
    ],
)
def test_the_secret_is_found_and_named_by_its_kind(text: bytes, kind: str, secret: bytes):
    assert taken(spans, text) == {(kind, secret)}


@pytest.mark.parametrize(
    "text",
    [
        b"the password for iam is wrong",
        b"the password of iam has expired",
        b"send nothing",
    ],
)
def test_what_only_looks_like_it_stays(text: bytes):
    assert taken(spans, text) == set()
