"""nginx's files as directives: lines, includes, and what is missing."""

from __future__ import annotations

import pytest

from iamops.parse.nginx.conf import HOME, nginx_conf, servers, upstreams
from iamops.parse.nginx.routing import upstreams_by_domain

MAIN = f"{HOME}/nginx.conf"


def said(text: str, **files: str) -> list[tuple[int, str]]:
    reading = nginx_conf({MAIN: text, **{f"{HOME}/{name}": each for name, each in files.items()}})
    return [(mistake.line, mistake.message) for mistake in reading.mistakes if not mistake.known]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("http {\n upstream a {\n  server 1.1.1.1:1\n  server b;\n }\n}\n", 3, "`server 1.1.1.1:1` lacks its `;`"),
        ("http {\n upstream a {\n  server 1.1.1.1:1\n }\n}\n", 3, "`server 1.1.1.1:1` lacks its `;`"),
        ("http {\n sendfile on", 2, "`sendfile on` lacks its `;`"),
        ("http {\n server {\n", 2, "`server` has no closing brace"),
        ("http {\n}\n}\n", 3, "a closing brace without an opening one"),
        ("http {\n worker_connections 5;\n}\n", 2, '"worker_connections" directive is not allowed here'),
        ("http {\n sendfile on off;\n}\n", 2, 'invalid number of arguments in "sendfile" directive'),
        ("http {\n ;\n}\n", 2, "`;` with nothing before it"),
    ],
)  # fmt: skip
def test_a_mistake_is_found_at_its_line(text: str, line: int, what: str):
    assert (line, what) in said(text)


def test_a_log_format_over_several_lines_is_no_mistake():
    assert said("http {\n log_format main '$remote_addr'\n   'server $host';\n}\n") == []


def test_includes_are_read_in_place_and_packaged_files_are_left_alone():
    files = {
        MAIN: "include modules-enabled/*.conf;\nhttp {\n include mime.types;\n include conf.d/*.conf;\n}\n",
        f"{HOME}/conf.d/a.conf": "upstream a { server 1.1.1.1:1 down; }\nserver { listen 80; }\n",
    }
    reading = nginx_conf(files)
    assert reading.mistakes == ()
    assert [(s.args, s.file, s.line) for s in upstreams(reading)["a"]] == [
        (("1.1.1.1:1", "down"), f"{HOME}/conf.d/a.conf", 1)
    ]
    assert len(servers(reading)) == 1


def test_a_file_that_is_not_at_hand_is_told_but_is_no_fault():
    reading = nginx_conf({MAIN: "http {\n include /opt/site.conf;\n}\n"})
    assert [(m.line, m.known) for m in reading.mistakes] == [(2, True)]


def said_of(text: str) -> list[tuple[int, str]]:
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
    assert said_of(text) == []


def test_each_of_several_lost_ends_is_told_with_its_line():
    text = "http {\n upstream a {\n  server a:1\n  server b:1 weight=2\n  server c:1\n }\n}"
    assert said_of(text) == [
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
    assert said_of(text) == [(line, what)]


def test_a_lost_end_shows_name_and_first_argument_only():
    text = "http {\n proxy_set_header Authorization swordfish\n sendfile on;\n}"
    assert said_of(text) == [(2, "`proxy_set_header Authorization` lacks its `;`")]


def test_a_star_stays_in_its_directory_and_shows_no_hidden_file():
    names = ("conf.d/a.conf", "conf.d/.b.conf", "conf.d/old/c.conf")
    files = {f"{HOME}/{name}": f"set_{index} x;" for index, name in enumerate(names)}
    reading = nginx_conf({MAIN: "include conf.d/*.conf;", **files})
    assert [each.name for each in reading.directives] == ["set_0"]


@pytest.mark.parametrize(
    ("body", "even", "backups"),
    [
        ("server a:1; server b:1; zone z 64k; keepalive 8; keepalive_timeout 5s;", True, [False, False]),
        ("server a:1 weight=2; server b:1 weight=2;", True, [False, False]),
        ("server a:1 weight=9; server b:1;", False, [False, False]),
        ("server a:1; server b:1 backup;", True, [False, True]),
        ("ip_hash; server a:1; server b:1;", False, [False, False]),
        ("hash $request_uri consistent; server a:1; server b:1;", False, [False, False]),
        ("random two least_conn; server a:1; server b:1;", False, [False, False]),
        ("least_conn; server a:1; server b:1;", False, [False, False]),
    ],
)
def test_how_an_upstream_spreads_requests_is_read(body, even, backups):
    server = "server { server_name x.example.com; location / { proxy_pass http://up; } }"
    text = f"http {{ upstream up {{ {body} }} {server} }}"
    found = upstreams_by_domain(nginx_conf({"/etc/nginx/nginx.conf": text}))["x.example.com"]
    assert (found.even, [each.backup for each in found.servers]) == (even, backups)
