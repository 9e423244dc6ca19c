"""What a directive may say and still leave every request alone; each that may not is missed."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from iamops.judge.disk.keepalived import nginx_unloaded
from tests.support.edited_nginx import edited
from tests.support.files_on_disk import NGINX, PROFILE, other_files, seen

API = "/etc/nginx/conf.d/iam-apiserver.conf"
HTTP, HOST = "http {", "proxy_set_header Host $host;"
LEAVES_ALONE = {
    "a connection's time": ("keepalive_timeout   65", "keepalive_timeout   30"),
    "compression": ("    tcp_nodelay         on;", "    gzip on; gzip_types text/css;"),
    "bigger bodies": ("client_max_body_size 5m", "client_max_body_size 20m"),
    "bodies of any size": ("client_max_body_size 5m", "client_max_body_size 0"),
    "bodies said for all": ("    tcp_nodelay         on;", "    client_max_body_size 1k;"),
    "a log's format": ("    tcp_nodelay         on;", "    log_format mine '$remote_addr $request_time';"),
    "kept connections": (
        "        zone iam.api.marmotedu.com 64k;",
        "        zone iam.api.marmotedu.com 128k; keepalive 32; keepalive_timeout 60s;",
    ),
    "what kept connections need": (
        "    location / {",
        "    location / {\n proxy_http_version 1.1; proxy_set_header Connection '';\n",
    ),
    "a time in other words": ("proxy_read_timeout          30s", "proxy_read_timeout 30000ms"),
    "four processes": ("worker_processes auto", "worker_processes 4; worker_rlimit_nofile 8192"),
    "more connections": ("worker_connections 1024", "worker_connections 4096"),
    "headers that the location cancels": ("    location / {", "    proxy_set_header X-A b;\n    location / {"),
    "a limit that nobody uses": (
        "    tcp_nodelay         on;",
        "    limit_req_zone $binary_remote_addr zone=x:1m rate=1r/m;",
    ),
    "a format in a file of its own": ("events {", "events {", "log_format mine '$request_time';"),
    "a comment": ("events {", "# by hand\nevents {"),
    "a log": ("access_log   off;", "access_log   /var/log/nginx/alive.log;"),
    "an own header": ("    location / {", "    location / {\n proxy_set_header X-From-Hand yes;\n"),
    "another domain": ("events {", "events {", "server { listen 80; server_name x.org; deny all; return 503; }"),
    "another port": ("events {", "events {", "server { listen 8443 ssl; server_name x.org; root /srv; }"),
    "as long as before": ("fail_timeout=2s", "fail_timeout=3s"),
}


@pytest.mark.parametrize("kind", LEAVES_ALONE)
def test_what_is_shown_to_leave_them_alone_is_loaded(kind: str):
    found = nginx_unloaded(edited(*LEAVES_ALONE[kind]), PROFILE)
    assert (found.conflicts, found.differences, found.unknown) == ((), (), ())


# What is gone with them is nothing that a request would show.
NOT_MISSED = re.compile(
    r"(error|access)_log|include .*(modules|mime)|sendfile|tcp_|keepalive_timeout|types_hash|default_type"
    r"|proxy_next_upstream|listen +80|server_name +iam"
)


@pytest.mark.parametrize("path", [NGINX, API])
def test_every_line_that_is_taken_out_is_missed_but_for_those_that_show_nothing(path: str):
    for line in seen("iam-a").tree.files[path].content.splitlines():
        if not re.fullmatch(r" *[a-z_]+ [^#]*;( *#.*)?", line):
            continue
        found = nginx_unloaded(edited(f"{line}\n", ""), PROFILE)
        told = (*found.conflicts, *found.unknown)
        assert (told == ()) is (NOT_MISSED.match(line.strip()) is not None), (line, told)


def test_a_header_of_ones_own_ends_what_was_inherited():
    own = edited("    location / {", "    location / {\n proxy_set_header X-From-Hand yes;\n")
    main = replace(own.tree.files[NGINX], content=own.tree.files[NGINX].content.replace(HTTP, f"{HTTP} {HOST}"))
    (said, *_) = nginx_unloaded(other_files(own, {**own.tree.files, NGINX: main}), PROFILE).unknown
    assert "`proxy_set_header X-From-Hand yes` does to iam.api.marmotedu.com" in said


def test_a_zone_is_somebodys_where_it_is_used():
    zone = "limit_req_zone $binary_remote_addr zone=x:1m rate=1r/m;"
    own = edited("    tcp_nodelay         on;", zone)
    site = own.tree.files[API].content.replace("location / {", "location / { limit_req zone=x;")
    used = {**own.tree.files, API: replace(own.tree.files[API], content=site)}
    (said,) = nginx_unloaded(other_files(own, used), PROFILE).unknown
    assert "limit_req_zone" in said
