"""Headers that let their bearer in, and what nginx compares requests with."""

from __future__ import annotations

import pytest

from iamops.redact.detectors.headers import nginx_spans, spans
from tests.support.secret_spans import taken


@pytest.mark.parametrize(
    ("text", "kind", "secret"),
    [
        (b"Cookie: session=abc123; theme=dark", "cookie", b"session=abc123; theme=dark"),
        (b"Set-Cookie: sid=abc123; Path=/", "cookie", b"sid=abc123; Path=/"),
    ],
)
def test_the_secret_is_found_and_named_by_its_kind(text: bytes, kind: str, secret: bytes):
    assert taken(spans, text) == {(kind, secret)}


@pytest.mark.parametrize(
    "text",
    [
        b"Authorization failed for iam",
        b"Host: iam.api",
        b"proxy_set_header Host $host;",
    ],
)
def test_what_only_looks_like_it_stays(text: bytes):
    assert taken(spans, text) == set()


def test_the_credentials_of_a_header_end_with_its_line():
    found = taken(spans, b"Authorization: Bearer abcDEF123456789xyz\r\nHost: iam")
    assert ("authorization", b"Bearer abcDEF123456789xyz") in found
    assert not [secret for _, secret in found if b"Host" in secret]


@pytest.mark.parametrize(
    "text",
    [
        b'if ($http_x_api_key != "s3cr3tWord9") { return 403; }',
        b'map $http_x_token $ok { "s3cr3tWord9" 1; default 0; }',
    ],
)
def test_what_nginx_compares_a_header_with_is_a_secret(text: bytes):
    assert taken(nginx_spans, text) == {("nginx_secret", b"s3cr3tWord9")}
