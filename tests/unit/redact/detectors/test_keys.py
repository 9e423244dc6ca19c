"""Values given away by their names, however the name and its value are joined."""

from __future__ import annotations

import pytest

from iamops.redact.detectors.keys import spans
from tests.support.secret_spans import taken


@pytest.mark.parametrize(
    ("text", "kind", "secret"),
    [
        (b"password: s3cr3tWord9\nuser: iam", "password", b"s3cr3tWord9"),
        (b'{"api_key": "s3cr3tWord9", "n": 1}', "api_key", b"s3cr3tWord9"),
        (b"auth_pass sesame12", "auth_pass", b"sesame12"),
        (b"export REDIS_PASSWORD='a b c'", "password", b"a b c"),
        (b"passwd: hunter2", "password", b"hunter2"),
        (b"passwd: files hunter2", "password", b"files hunter2"),
        (b'passwd: files "hunter2"', "password", b'files "hunter2"'),
        (b"passwd: files # hunter2", "password", b"files # hunter2"),
        (b"passwd: ldap", "password", b"ldap"),
        (b"passwd: filesystem", "password", b"filesystem"),
        (b"passwd=files", "password", b"files"),
        (b"password: files systemd", "password", b"files systemd"),
        (b"db_passwd: files", "password", b"files"),
    ],
)
def test_the_secret_is_found_and_named_by_its_kind(text: bytes, kind: str, secret: bytes):
    assert taken(spans, text) == {(kind, secret)}


@pytest.mark.parametrize(
    "text",
    [
        b"password_file: /etc/x",
        b"passwd: files systemd",
        b"# users\npasswd:         files systemd\ngroup:          files systemd\nshadow: files\n",
        b"passwd: compat",
        b"passwd: sss files [NOTFOUND=return] ldap\r\n",
        b"/etc/nsswitch.conf:7:passwd:\tfiles systemd",
        b'{"text": "passwd: files systemd\\ngroup: files"}',
        b'["passwd: files"]',
        b"shadow: files",
        b"passwords are checked by pam",
        b"keepalive_requests 1000",
    ],
)
def test_what_only_looks_like_it_stays(text: bytes):
    assert taken(spans, text) == set()
