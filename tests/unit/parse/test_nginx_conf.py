"""nginx's files through crossplane's lexer: lines, includes, and what is missing."""

from __future__ import annotations

import pytest

from iamops.parse.nginx.conf import HOME, nginx_conf, servers, upstreams

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
