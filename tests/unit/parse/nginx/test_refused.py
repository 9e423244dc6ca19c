"""What nginx refuses beyond single statements: specimens show most of it."""

from __future__ import annotations

import pytest

from iamops.parse.nginx.conf import HOME, nginx_conf
from iamops.parse.nginx.refused import place_of, refused


def said(body: str, partly: bool = False) -> list[str]:
    reading = nginx_conf({f"{HOME}/nginx.conf": f"events {{ }}\nhttp {{\n{body}\n}}\n"})
    return [mistake.message for mistake in refused(reading, partly)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("location = /a {}", ("=", "/a")),
        ("location =/a {}", ("=", "/a")),
        ("location ^~/a {}", ("^~", "/a")),
        ("location ~*^/a$ {}", ("~*", "^/a$")),
        ("location @a {}", ("@", "@a")),
        ("location /a {}", ("", "/a")),
    ],
)
def test_a_locations_modifier_may_stand_right_before_its_path(text: str, place: tuple[str, str]):
    (server,) = nginx_conf({f"{HOME}/nginx.conf": f"server {{ {text} }}"}).directives
    assert place_of(server.block[0]) == place


def test_a_format_that_may_be_defined_elsewhere_is_not_missed():
    body = "access_log /a.log wide;"
    assert said(body) == ['unknown log format "wide"']
    assert said(body, partly=True) == []


@pytest.mark.parametrize(
    "body",
    [
        "server { listen 443 ssl; listen 443 quic; }",
        "server { listen unix:/a; listen unix:/b; }",
        "server { listen a:80 default_server; } server { listen b:80 default_server; }",
        "upstream a { jdomain b; }",
        "server { location ~ a { location ~ b { return 204; } } }",
        "server { location /a { proxy_pass http://unix:/run/a.sock; } }",
        "server { location ~ a { proxy_pass http://unix:/run/a.sock; } }",
        "log_format a '$host'; access_log /a.log a if=$host; access_log off; access_log /b.log combined;",
    ],
)
def test_what_nginx_takes_is_not_refused(body: str):
    assert said(body) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("server { location ~ a { proxy_pass http://unix:/run/a.sock:/b; } }", "proxy_pass cannot have a path"),
        ("server { location -f /a { return 204; } }", 'invalid location modifier "-f"'),
        (
            "server { location = /a { location /a/b { return 204; } } }",
            'location "/a/b" cannot be inside',
        ),
        (
            "server { location /a { location @b { return 204; } } }",
            'named location "@b" can be on',
        ),
        ("server { location /a { return 204; } location ^~ /a { return 204; } }", 'duplicate location "/a"'),
    ],
)
def test_what_nginx_refuses_is_told(body: str, message: str):
    (found,) = said(body)
    assert found.startswith(message)
