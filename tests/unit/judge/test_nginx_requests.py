"""A changed file of nginx is shown to leave every published domain and keepalived's check alone, or is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.judge.unloaded import Seen, nginx_unloaded
from console.model.config import ConfFile
from tests.unit.judge.test_unloaded import NGINX, PROFILE, listing, other_files, seen

API = "/etc/nginx/conf.d/iam-apiserver.conf"
PASS = "proxy_pass  http://iam.api.marmotedu.com/;"

BREAKS = {
    "listen at another port": ("listen       80", "listen       8081"),
    "listen on loopback": ("listen       80", "listen       127.0.0.1:80"),
    "listen with TLS": ("listen       80", "listen       80 ssl"),
    "listen for a proxy": ("listen       80", "listen       80 proxy_protocol"),
    "listen where nobody knows": ("listen       80;", "listen       iam-a:80; listen 80;"),
    "an address that nobody serves": (PASS, "proxy_pass http://127.0.0.1:1/;"),
    "the upstream of another service": (PASS, "proxy_pass http://iam.authz.marmotedu.com/;"),
    "TLS to a plain backend": ("proxy_pass  http://iam.api", "proxy_pass  https://iam.api"),
    "another path": (PASS, "proxy_pass http://iam.api.marmotedu.com/nope/;"),
    "a variable": (PASS, "proxy_pass http://$host;"),
    "an answer of the location": (PASS, "return 503;"),
    "an answer of the server": ("    location / {", "    return 503;\n    location / {"),
    "a redirect": ("    location / {", "    return 301 https://$host;\n    location / {"),
    "nobody allowed": ("    location / {", "    location / {\n deny all;\n"),
    "a password": ("    location / {", "    location / {\n auth_basic x; auth_basic_user_file /nope;\n"),
    "only some paths": ("location / {", "location /x {"),
    "some paths elsewhere": ("    location / {", "    location /v1 { return 503; }\n    location / {"),
    "a condition": ("    location / {", "    if ($http_x) { return 403; }\n    location / {"),
    "files": (PASS, "root /nowhere;"),
    "a rewrite": ("    location / {", "    rewrite ^ /nope;\n    location / {"),
    "another Host": ("    location / {", "    location / {\n proxy_set_header Host nobody;\n"),
    "a backend at another port": ("127.0.0.1:8080", "127.0.0.1:8089"),
    "a backend less": ("        server 10.0.4.21:8080 max_fails=1 fail_timeout=2s;\n", ""),
    "a backend that is down": ("server 127.0.0.1:8080 max_fails=1", "server 127.0.0.1:8080 down max_fails=1"),
    "all backends down": ("max_fails=1", "down max_fails=1"),
    "a backend as backup": ("server 127.0.0.1:8080 max_fails=1", "server 127.0.0.1:8080 backup max_fails=1"),
    "a backend for one request": ("server 127.0.0.1:8080 max_fails=1", "server 127.0.0.1:8080 max_conns=1"),
    "no time to answer": ("proxy_read_timeout          30s", "proxy_read_timeout 1ms"),
    "no bodies": ("client_max_body_size 5m", "client_max_body_size 1"),
    "no next backend": ("proxy_next_upstream         error timeout", "proxy_next_upstream off"),
    "no connections": ("worker_connections 1024", "worker_connections 3"),
    "another user": ("user www-data", "user nosuchuser"),
    "a limit": ("    tcp_nodelay         on;", "    limit_req zone=x;"),
    "a stream": ("events {", "stream { server { listen 10.0.4.99:80; } }\nevents {"),
    "who answered is not said": ("add_header          X-Served-By $hostname always", "add_header X-A b"),
    "the check's host gone": ("server_name  nginx-alive.localhost", "server_name  nginx-dead.localhost"),
    "the check answered badly": ("return       204", "return       503"),
    "the check answered otherwise": ("return       204", "return       200"),
    "the check passed on": ("return       204;", "location / { proxy_pass http://iam.api.marmotedu.com; }"),
    "the check forbidden": ("return       204;", "if ($http_x) { return 500; }\n return 204;"),
}
LEAVES_ALONE = {
    "a connection's time": ("keepalive_timeout   65", "keepalive_timeout   30"),
    "compression": ("    tcp_nodelay         on;", "    gzip on; gzip_types text/css;"),
    "a comment": ("events {", "# by hand\nevents {"),
    "a log": ("access_log   off;", "access_log   /var/log/nginx/alive.log;"),
    "an own header": ("    location / {", "    location / {\n proxy_set_header X-From-Hand yes;\n"),
    "another domain": ("events {", "events {", "server { listen 80; server_name x.org; deny all; return 503; }"),
    "another port": ("events {", "events {", "server { listen 8443 ssl; server_name x.org; root /srv; }"),
    "as long as before": ("fail_timeout=2s", "fail_timeout=3s"),
}
STEALS = {
    "the VIP": "server { listen 10.0.4.99:80; server_name x.org; return 204; }",
    "the domain": "server { listen 80; server_name iam.api.marmotedu.com; return 503; }",
    "the check's address": "server { listen 127.0.0.1:80; return 503; }",
    "the check's host": "server { listen 80; server_name nginx-alive.localhost; return 503; }",
    "the socket, for TLS": "server { listen 80 ssl; server_name x.org; return 204; }",
    "the headers": "add_header X-Served-By nobody;",
    "the address of all": "allow 10.0.0.0/8; deny all;",
}


def edited(old: str, new: str, added: str = "", *, node: str = "iam-a", at: float = 1100.0) -> Seen:
    was = seen(node)
    files = {}
    for path, file in was.tree.files.items():
        content = file.content.replace(old, new)
        files[path] = replace(file, content=content, changed_at=at if content != file.content else 900.0)
    if added:
        files["/etc/nginx/conf.d/00-stray.conf"] = ConfFile(
            "/etc/nginx/conf.d/00-stray.conf", added, changed_at=at
        )
    conf_d = 1100.0 if added and at == 1100.0 else 900.0
    return other_files(was, files, listing({p: f.changed_at for p, f in files.items()}, conf_d=conf_d))


@pytest.mark.parametrize("kind", BREAKS)
@pytest.mark.parametrize("node", ["iam-a", "iam-b"])
def test_what_may_break_a_domain_or_the_check_is_not_loaded_silently(kind: str, node: str):
    old, new = BREAKS[kind]
    if node == "iam-b":
        old = old.replace("10.0.4.21", "10.0.4.20")
    own = edited(old, new, node=node)
    assert own.tree.files != seen(node).tree.files, "nothing was changed"
    found = nginx_unloaded(own, PROFILE)
    assert (*found.conflicts, *found.unknown) != ()
    # What nginx has loaded like this is no change.
    assert nginx_unloaded(edited(old, new, node=node, at=900.0), PROFILE).unknown == ()


@pytest.mark.parametrize("kind", STEALS)
def test_so_is_a_stray_file(kind: str):
    found = nginx_unloaded(edited("", "", STEALS[kind]), PROFILE)
    assert (*found.conflicts, *found.unknown) != ()
    assert found.files == ("/etc/nginx/conf.d/00-stray.conf",)


@pytest.mark.parametrize("kind", LEAVES_ALONE)
def test_what_is_shown_to_leave_them_alone_is_loaded(kind: str):
    found = nginx_unloaded(edited(*LEAVES_ALONE[kind]), PROFILE)
    assert (found.conflicts, found.differences, found.unknown) == ((), (), ())


def test_it_is_named_by_file_line_and_domain():
    found = nginx_unloaded(edited("    location / {", "    location / {\n deny all;\n"), PROFILE)
    assert f"{API}:7: what `deny all` does to iam.api.marmotedu.com was compared with nothing" in found.unknown
    found = nginx_unloaded(edited("return       204", "return       503"), PROFILE)
    (said,) = found.conflicts
    assert said.startswith("keepalived's check would be answered badly, and no VIP would stay here: `return 503`")


def test_an_odd_site_that_nobody_touched_is_no_change_of_another_file():
    odd = ConfFile(API, seen("iam-a").tree.files[API].content.replace("location / {", "location / { satisfy any;"))
    own = edited("keepalive_timeout   65", "keepalive_timeout   30")
    files = {**own.tree.files, API: replace(odd, changed_at=900.0)}
    times = {path: file.changed_at for path, file in files.items()}
    assert nginx_unloaded(other_files(own, files), PROFILE).unknown == ()
    # A file that is gone from its directory may have answered instead.
    gone = other_files(own, files, listing(times, conf_d=1100.0))
    assert any("satisfy any" in each for each in nginx_unloaded(gone, PROFILE).unknown)


def test_what_a_stopped_nginx_would_do_is_told_and_only_what_is_wrong_refuses():
    def stopped(own: Seen) -> Seen:
        conf = replace(own.tree.conf, loaded_at={"keepalived": 1000.0}, stopped=frozenset({"nginx"}))
        return replace(own, tree=replace(own.tree, conf=conf))

    denied = nginx_unloaded(stopped(edited("    location / {", "    location / {\n deny all;\n")), PROFILE)
    assert (denied.conflicts, denied.unknown) == ((), ())
    assert any("deny all" in each for each in denied.unseen)
    assert nginx_unloaded(stopped(edited("return       204", "return       503")), PROFILE).conflicts != ()
    assert nginx_unloaded(stopped(seen("iam-a")), PROFILE).unseen == ()


def test_a_check_that_does_not_ask_nginx_by_that_host_does_not_count():
    own = edited("return       204", "return       503")
    script = "/etc/keepalived/check_nginx.sh"
    other = {**own.tree.files, script: ConfFile(script, "exit 0", changed_at=900.0)}
    assert nginx_unloaded(other_files(own, other), PROFILE).conflicts == ()
    unread = {path: file for path, file in own.tree.files.items() if path != script}
    assert nginx_unloaded(other_files(own, unread), PROFILE).conflicts != ()
    assert NGINX in unread
