"""Secrets known by their own shape: issued keys, JWTs, hashes; not every long hexadecimal number."""

from __future__ import annotations

import pytest

from iamops.redact.detectors.shapes import spans
from tests.support.secret_spans import taken


@pytest.mark.parametrize(
    ("text", "kind", "secret"),
    [
        (
            b"token ghp_abcdefghijklmnopqrstuvwxyz0123456789 end",
            "issued_key",
            b"ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        ),
        (
            b"x eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJpYW0ifQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ y",
            "jwt",
            b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJpYW0ifQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ",
        ),
        (b"key AKIAIOSFODNN7EXAMPLE", "issued_key", b"AKIAIOSFODNN7EXAMPLE"),
        (
            b"$2y$10$abcdefghijklmnopqrstuuWvQx1Yz2AbCdEfGhIjKlMnOpQrStUvW",
            "password_hash",
            b"$2y$10$abcdefghijklmnopqrstuuWvQx1Yz2AbCdEfGhIjKlMnOpQrStUvW",
        ),
    ],
)
def test_the_secret_is_found_and_named_by_its_kind(text: bytes, kind: str, secret: bytes):
    assert taken(spans, text) == {(kind, secret)}


@pytest.mark.parametrize(
    "text",
    [
        b"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        b"commit 4f2a9c1",
        b"eyJ",
        b"xghp_abcdefghijklmnopqrstuvwxyz0123456789",
    ],
)
def test_what_only_looks_like_it_stays(text: bytes):
    assert taken(spans, text) == set()


def test_the_secret_beside_an_access_key_is_taken_too():
    found = taken(spans, b"AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    assert ("access_key", b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY") in found
