"""What nginx takes as a statement, and what it is thought to mean."""

from __future__ import annotations

import pytest

from iamops.parse.nginx.statement import complaint, judged
from iamops.parse.nginx.tokens import tokens


def said(text: str, context: str, term: str = ";") -> str | None:
    return complaint(list(tokens(text, [])), context, term)


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("proxy_connect_timeout 1m30s", "h"),
        ("keepalive_timeout 65s 60s", "s"),
        ("client_max_body_size 0", "l"),
        ("server_name example.com", "S"),
        ("http3 on", "s"),
        ("spdy_headers_comp 1", "s"),
        ("ssl on", "s"),
        ("server 192.0.2.1:80 resolve", "u"),
        ("include x", "U"),
    ],
)
def test_what_some_version_takes_is_taken(text: str, context: str):
    assert said(text, context) is None


@pytest.mark.parametrize(
    ("text", "context", "meant"),
    [
        ("lisen 80", "s", "listen"),
        ("poxy_pass http://a", "l", "proxy_pass"),
        ("proxy_pass_headers on", "l", "proxy_pass_header"),
        ("worker_conections 5", "e", "worker_connections"),
    ],
)
def test_a_name_that_misses_another_by_a_letter_or_two_is_refused(text: str, context: str, meant: str):
    assert (said(text, context) or "").endswith(f"is `{meant}` meant?")
    assert judged(context, text.split()[0])


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("brotli on", "h"), ("more_set_headers 'A: b'", "h"), ("check interval=3000", "u"), ("api write=on", "l"),
        ("js_header_filtre a", "l"), ("status_zone a", "s"), ("echo a", "l"), ("session_log_zone a", "h"),
        ("rtmp", "m"), ("passenger_root /a", "h"), ("pagespeed on", "h"), ("modsecurity on", "h"),
        ("auth_jwt a", "l"), ("geoip2_proxy a", "h"),
    ],
)  # fmt: skip
def test_a_name_of_another_module_is_not_judged(text: str, context: str):
    assert said(text, context) is None
    assert not judged(context, text.split()[0])
