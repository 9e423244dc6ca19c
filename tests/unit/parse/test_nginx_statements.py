"""Where a `;` is missing, and where none is: the words of one statement may stand on several lines."""

from __future__ import annotations

import pytest

from iamops.parse.nginx.conf import HOME, nginx_conf

MAIN = f"{HOME}/nginx.conf"


def said(text: str) -> list[tuple[int, str]]:
    return [(each.line, each.message) for each in nginx_conf({MAIN: text}).mistakes if not each.known]


@pytest.mark.parametrize(
    "text",
    [
        "http { server {\n listen 443\n ssl\n http2;\n}\n}",
        "http { server {\n server_name a\n b\n c;\n}\n}",
        "http { server { location / {\n add_header A\n 'b'\n always;\n}\n}\n}",
        "http {\n map $a $b {\n default 0;\n listen 1;\n}\n}",
        "http {\n proxy_next_upstream error\n timeout;\n}",
        "http { upstream a {\n resolver 127.0.0.1;\n server a:1 resolve;\n keepalive 32 local;\n}\n}",
        "http {\n http2 on;\n server_tokens build;\n}",
        "stream { server {\n set $a b;\n}\n}",
    ],
)
def test_what_nginx_takes_is_no_mistake(text: str):
    assert said(text) == []


def test_each_of_several_lost_ends_is_told_with_its_line():
    text = "http {\n upstream a {\n  server a:1\n  server b:1 weight=2\n  server c:1\n }\n}"
    assert said(text) == [
        (3, "`server a:1` lacks its `;`"),
        (4, "`server b:1` lacks its `;`"),
        (5, "`server c:1` lacks its `;`"),
    ]
    (http,) = nginx_conf({MAIN: text}).directives
    assert [each.args for each in http.block[0].all("server")] == [("a:1",), ("b:1", "weight=2"), ("c:1",)]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("http { server {\n listen 80\n location / {\n return 204;\n}\n}\n}", 2, "`listen 80` lacks its `;`"),
        ("http { server {\n root /srv\n http2 on;\n}\n}", 2, "`root /srv` lacks its `;`"),
        ("http {\n sendfile on\n log_format main\n  '$host'\n  '$uri';\n}", 2, "`sendfile on` lacks its `;`"),
        ("http {\n map $a $b {\n  default 0;\n  x 1\n }\n}", 4, "`x 1` lacks its `;`"),
    ],
)
def test_a_lost_end_is_found_before_whatever_follows(text: str, line: int, what: str):
    assert said(text) == [(line, what)]


def test_a_lost_end_shows_name_and_first_argument_only():
    text = "http {\n proxy_set_header Authorization swordfish\n sendfile on;\n}"
    assert said(text) == [(2, "`proxy_set_header Authorization` lacks its `;`")]


def test_a_star_stays_in_its_directory_and_shows_no_hidden_file():
    names = ("conf.d/a.conf", "conf.d/.b.conf", "conf.d/old/c.conf")
    files = {f"{HOME}/{name}": f"set_{index} x;" for index, name in enumerate(names)}
    reading = nginx_conf({MAIN: "include conf.d/*.conf;", **files})
    assert [each.name for each in reading.directives] == ["set_0"]
