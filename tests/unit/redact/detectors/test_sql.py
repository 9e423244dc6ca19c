"""Values of SQL statements, by the place of their column."""

from __future__ import annotations

import pytest

from iamops.redact.detectors.sql import spans
from tests.support.secret_spans import taken


@pytest.mark.parametrize(
    ("text", "kind", "secret"),
    [
        (b"INSERT INTO user (name, password) VALUES ('iam', 's3cr3tWord9');", "sql_value", b"s3cr3tWord9"),
        (b"INSERT INTO user (password, name)\nVALUES ('s3cr3tWord9', 'iam');", "sql_value", b"s3cr3tWord9"),
    ],
)
def test_the_secret_is_found_and_named_by_its_kind(text: bytes, kind: str, secret: bytes):
    assert taken(spans, text) == {(kind, secret)}


@pytest.mark.parametrize(
    "text",
    [
        b"INSERT INTO t (name, n) VALUES ('iam', 3);",
        b"insert the disk",
        b"REPLACE INTO t (host) VALUES ('iam-a');",
    ],
)
def test_what_only_looks_like_it_stays(text: bytes):
    assert taken(spans, text) == set()
