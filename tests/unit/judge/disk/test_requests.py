"""A changed file of nginx is shown to leave every published domain and keepalived's check alone, or is refused."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from iamops.judge.disk.keepalived import KeepalivedFiles, nginx_unloaded
from iamops.model.config import ConfFile
from iamops.model.running import Unloaded
from iamops.parse.keepalived.settings import running_blocks
from tests.support.edited_nginx import edited
from tests.support.files_on_disk import CAPTURES, DUMPS, KEEPALIVED, NGINX, PROFILE, listing, other_files, seen

CHECK = "/etc/keepalived/check_nginx.sh"
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
    "bodies as by default": ("        client_max_body_size 5m;\n", ""),
    "who asks is not said": ("        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n", ""),
    "another client": ("X-Real-IP $remote_addr", "X-Real-IP 10.0.0.1"),
    "the client twice": ("    location / {", "    location / {\n proxy_set_header X-Forwarded-For 10.0.0.1;\n"),
    "another method": ("    location / {", "    location / {\n proxy_set_header X-HTTP-Method-Override PUT;\n"),
    "no process": ("worker_processes auto", "worker_processes 0"),
    "any number of processes": ("worker_processes auto", "worker_processes 100000"),
    "no files": ("worker_processes auto", "worker_rlimit_nofile 8; worker_processes auto"),
    "cut before they end": ("worker_processes auto", "worker_shutdown_timeout 1s; worker_processes auto"),
    "nobody's user": ("user www-data;\n", ""),
    "another pid file": ("pid /run/nginx.pid", "pid /tmp/nginx.pid"),
    "given up for an hour": ("fail_timeout=2s", "fail_timeout=1h"),
    "never given up": ("max_fails=1", "max_fails=0"),
    "one for a hundred": ("server 127.0.0.1:8080 max_fails=1", "server 127.0.0.1:8080 weight=100"),
    "a round robin for each worker": ("        zone iam.api.marmotedu.com 64k;", ""),
    "a time to connect by default": ("    proxy_connect_timeout       1s;\n", ""),
    "a time to answer by default": ("    proxy_read_timeout          30s;\n", ""),
    "who answered, not at all": ("    add_header          X-Served-By $hostname always;\n", ""),
    "who answered, cancelled": ("    location / {", "    location / {\n add_header X-A b;\n"),
    "another charset": ("    tcp_nodelay         on;", "    charset koi8-r;"),
    "another resolver": ("    tcp_nodelay         on;", "    resolver 10.0.0.1;"),
    "a short queue": ("listen       80", "listen       80 backlog=1"),
    "a limit": ("    tcp_nodelay         on;", "    limit_req zone=x;"),
    "a stream": ("events {", "stream { server { listen 10.0.4.99:80; } }\nevents {"),
    "who answered is not said": ("add_header          X-Served-By $hostname always", "add_header X-A b"),
    "the check's host gone": ("server_name  nginx-alive.localhost", "server_name  nginx-dead.localhost"),
    "the check answered badly": ("return       204", "return       503"),
    "the check answered otherwise": ("return       204", "return       200"),
    "the check passed on": ("return       204;", "location / { proxy_pass http://iam.api.marmotedu.com; }"),
    "the check forbidden": ("return       204;", "if ($http_x) { return 500; }\n return 204;"),
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


def test_it_is_named_by_file_line_and_domain():
    found = nginx_unloaded(edited("    location / {", "    location / {\n deny all;\n"), PROFILE)
    assert f"{API}:7: what `deny all` does to iam.api.marmotedu.com was compared with nothing" in found.unknown
    found = nginx_unloaded(edited("return       204", "return       503"), PROFILE)
    (said,) = found.conflicts
    assert said.startswith("keepalived's check would be answered badly, and no VIP would stay here: `return 503`")


@pytest.mark.parametrize("node", ["iam-a", "iam-b"])
@pytest.mark.parametrize("times", [{}, {"conf_d": 1100.0}])
def test_what_a_push_has_just_written_is_loaded(node: str, times: dict[str, float]):
    was = seen(node)
    files = {path: replace(file, changed_at=1100.0) for path, file in was.tree.files.items()}
    written = other_files(was, files, listing({path: file.changed_at for path, file in files.items()}, **times))
    found = nginx_unloaded(written, PROFILE)
    assert (found.conflicts, found.unknown, found.unseen) == ((), (), ())
    assert len(found.pending) >= 3


def test_what_a_push_has_written_by_the_operators_templates_is_loaded_too():
    odd = (
        "location / {",
        "location = /robots.txt { return 404; }\n location / {\n proxy_set_header Host $host;\n",
    )
    own = edited(*odd)
    assert nginx_unloaded(own, PROFILE).unknown != ()
    texts = {path: file.content for path, file in own.tree.files.items()}
    assert nginx_unloaded(replace(own, rendered=texts), PROFILE).unknown == ()
    # There it is what must not be taken out.
    taken = nginx_unloaded(
        replace(edited("keepalive_timeout   65", "keepalive_timeout   30"), rendered=texts), PROFILE
    )
    assert taken.unknown == ()
    (said,) = nginx_unloaded(
        replace(edited("client_max_body_size 5m", "client_max_body_size 6m"), rendered=texts), PROFILE
    ).unknown
    assert "by the profile there would be `location = /robots.txt`, `proxy_set_header Host $host`" in said


DENIES = "/etc/nginx/snippets/deny.conf"


@pytest.mark.parametrize("old", ["events {", "    tcp_nodelay         on;", "    location / {"])
def test_an_old_file_that_a_changed_one_includes_may_be_new_to_nginx(old: str):
    def including(at: float, snippets: dict[str, str]) -> KeepalivedFiles:
        own = edited(
            old, f"{old} include snippets/outer.conf;" if "{" in old else "include snippets/outer.conf;", at=at
        )
        added = {path: ConfFile(path, text, changed_at=900.0) for path, text in snippets.items()}
        files = {**own.tree.files, **added}
        times = {path: file.changed_at for path, file in files.items()} | {DENIES: 900.0}
        return other_files(own, files, listing(times))

    outer, deny = {"/etc/nginx/snippets/outer.conf": "include snippets/deny.conf;"}, {DENIES: "deny all;"}
    found = nginx_unloaded(including(1100.0, outer | deny), PROFILE).unknown
    assert any(each.startswith(f"{DENIES}:1: what `deny all` does to ") for each in found)
    assert f"{DENIES} was not read" in nginx_unloaded(including(1100.0, outer), PROFILE).unknown
    assert nginx_unloaded(including(900.0, outer | deny), PROFILE) == Unloaded()
    # Where the file that includes it is as it was, so is what it says.
    loaded = including(900.0, outer | deny)
    authz = "/etc/nginx/conf.d/iam-authz-server.conf"
    site = replace(
        loaded.tree.files[authz], content=f"# by hand\n{loaded.tree.files[authz].content}", changed_at=1100.0
    )
    if "location" not in old:
        assert nginx_unloaded(other_files(loaded, {**loaded.tree.files, authz: site}), PROFILE).unknown == ()


def test_what_a_hand_wrote_and_nginx_has_loaded_does_not_hinder_another_edit():
    own = edited("client_max_body_size 5m", "client_max_body_size 20m")
    text = own.tree.files[NGINX].content.replace("proxy_read_timeout          30s", "proxy_read_timeout 300s")
    by_hand = {**own.tree.files, NGINX: replace(own.tree.files[NGINX], content=text)}
    assert nginx_unloaded(other_files(own, by_hand), PROFILE).unknown == ()
    # The other way round: what the location says was said before.
    own = edited("keepalive_timeout   65", "keepalive_timeout   30")
    text = own.tree.files[API].content.replace("client_max_body_size 5m", "client_max_body_size 1m")
    by_hand = {**own.tree.files, API: replace(own.tree.files[API], content=text)}
    assert nginx_unloaded(other_files(own, by_hand), PROFILE).unknown == ()


def test_a_site_that_the_profile_does_not_write_may_have_held_anything():
    own, site = edited("", ""), "/etc/nginx/sites-enabled/api"
    main = own.tree.files[NGINX].content.replace("conf.d/*.conf", "*/*")
    text = own.tree.files[API].content.replace("client_max_body_size 5m", "client_max_body_size 2m")
    files = {path: file for path, file in own.tree.files.items() if path != API}
    files[NGINX] = replace(files[NGINX], content=main)
    files[site] = ConfFile(site, text, changed_at=1100.0)
    found = nginx_unloaded(other_files(own, files), PROFILE)
    assert found.unknown == (
        f"{site}:11: what `client_max_body_size 2m` does to iam.api.marmotedu.com was compared with nothing",
    )
    files[site] = replace(files[site], content=text.replace("        client_max_body_size 2m;\n", ""))
    found = nginx_unloaded(other_files(own, files), PROFILE)
    assert found.unknown == (
        f"what was taken out of {site} is not known: by the profile there would be `client_max_body_size 5m`",
    )


def test_what_lacks_a_lot_is_told_in_short():
    bare = ConfFile(
        NGINX, "events {}\nhttp { server { server_name iam.api.marmotedu.com; } }\n", changed_at=1100.0
    )
    said = nginx_unloaded(other_files(seen("iam-a"), {NGINX: bare}), PROFILE).unknown[-2]
    assert said.startswith(f"what was taken out of {NGINX} is not known: by the profile there would be `")
    assert said.endswith(" more")
    assert said.count("`") == 8


def test_an_odd_site_that_nobody_touched_is_no_change_of_another_file():
    odd = ConfFile(API, seen("iam-a").tree.files[API].content.replace("location / {", "location / { satisfy any;"))
    own = edited("keepalive_timeout   65", "keepalive_timeout   30")
    files = {**own.tree.files, API: replace(odd, changed_at=900.0)}
    times = {path: file.changed_at for path, file in files.items()}
    assert nginx_unloaded(other_files(own, files), PROFILE).unknown == ()
    # One that has another name now may have answered instead.
    renamed = listing({**times, "/etc/nginx/conf.d/stray.conf.off": 1100.0}, conf_d=1100.0)
    assert any("satisfy any" in each for each in nginx_unloaded(other_files(own, files, renamed), PROFILE).unknown)


@pytest.mark.parametrize("also", ["", "keepalive_timeout   65"])
def test_an_editor_s_swap_file_that_came_and_went_changes_no_file_beside_it(also: str):
    odd = seen("iam-a").tree.files[API].content.replace("location / {", "location / { satisfy any;")
    own = edited(also, "keepalive_timeout   30" if also else "")
    files = {**own.tree.files, API: ConfFile(API, odd, changed_at=900.0)}
    times = {path: file.changed_at for path, file in files.items()}
    swap = {"/etc/nginx/conf.d/.iam-apiserver.conf.swp": 1100.0}
    for left in ({}, swap):
        found = nginx_unloaded(other_files(own, files, listing({**times, **left}, conf_d=1100.0)), PROFILE)
        assert (found.conflicts, found.unknown) == ((), ())
        assert found.unseen == ("what may have been taken out of /etc/nginx/conf.d is not known",)
        assert "/etc/nginx/conf.d was changed after nginx had read it" in found.pending
    # What would go wrong with the files that are left is no less wrong.
    bad = {**files, API: ConfFile(API, odd.replace("server_name  iam", "server_name  x"), changed_at=900.0)}
    assert nginx_unloaded(other_files(own, bad, listing(times, conf_d=1100.0)), PROFILE).conflicts


def test_what_a_stopped_nginx_would_do_is_told_and_only_what_is_wrong_refuses():
    def stopped(own: KeepalivedFiles) -> KeepalivedFiles:
        conf = replace(own.tree.conf, loaded_at={"keepalived": 1000.0}, stopped=frozenset({"nginx"}))
        return replace(own, tree=replace(own.tree, conf=conf))

    denied = nginx_unloaded(stopped(edited("    location / {", "    location / {\n deny all;\n")), PROFILE)
    assert (denied.conflicts, denied.unknown) == ((), ())
    assert any("deny all" in each for each in denied.unseen)
    assert nginx_unloaded(stopped(edited("return       204", "return       503")), PROFILE).conflicts != ()
    assert nginx_unloaded(stopped(seen("iam-a")), PROFILE).unseen == ()


def check_of_others(own: KeepalivedFiles, command: str = "", script: str | None = None) -> KeepalivedFiles:
    """keepalived runs this command, or its own script with another text."""
    files = dict(own.tree.files)
    if script is not None:
        files[CHECK] = ConfFile(CHECK, script, changed_at=900.0)
    text = (CAPTURES / DUMPS[own.name]).read_text()
    if command:
        text = re.sub(r"Command = .*", f"Command = {command}", text)
    return replace(other_files(own, files), rest=running_blocks(text))


CURL = "'/usr/bin/curl' '-fs' '-u' 'me:secret' 'http://127.0.0.1/health'"
EDIT = ("keepalive_timeout   65", "keepalive_timeout   30")


def test_an_editor_s_swap_file_hides_nothing_of_the_edit_from_a_check_of_others():
    own = check_of_others(edited(*EDIT), CURL)
    times = {path: file.changed_at for path, file in own.tree.files.items()}
    for conf_d in (900.0, 1100.0):
        found = nginx_unloaded(other_files(own, own.tree.files, listing(times, conf_d=conf_d)), PROFILE)
        assert any("it is not the profile's (/usr/bin/curl)" in each for each in found.unknown), found
    unedited = check_of_others(seen("iam-a"), CURL)
    times = {path: file.changed_at for path, file in unedited.tree.files.items()}
    swapped = other_files(unedited, unedited.tree.files, listing(times, conf_d=1100.0))
    assert nginx_unloaded(swapped, PROFILE).unknown == ()


def test_a_site_that_was_removed_leaves_its_domain_to_a_server_that_refuses():
    main = "http { upstream u { server iam-a:8080; server iam-b:8080; } include /etc/nginx/conf.d/*.conf; }"
    names = "iam.api.marmotedu.com iam.authz.marmotedu.com"
    site = f"server {{ listen 80; server_name {names}; location / {{ proxy_pass http://u; }} }}"
    texts = {
        "/etc/nginx/nginx.conf": "events {}\n" + main,
        "/etc/nginx/conf.d/00.conf": "server { listen 80 default_server; return 444; }",
    }
    for also, refused in (({}, True), ({API: site}, False)):
        files = {path: ConfFile(path, text, changed_at=900.0) for path, text in {**texts, **also}.items()}
        left = listing(dict.fromkeys(files, 900.0), conf_d=1100.0)
        found = nginx_unloaded(other_files(replace(seen("iam-a"), rest={}), files, left), PROFILE)
        told = "no server of nginx would answer for iam.api.marmotedu.com"
        assert (told in found.conflicts) is refused, found


def test_what_a_check_of_others_asks_of_changed_files_is_not_known():
    for own in (
        check_of_others(edited(*EDIT), CURL),
        check_of_others(edited(*EDIT), script="#!/bin/sh\ncurl -f x\n"),
    ):
        (said,) = nginx_unloaded(own, PROFILE).unknown
        assert said.startswith("whether nginx would answer keepalived's check as before is not known")
        assert "secret" not in said
    # It is not asked about files that nginx runs with, or by a keepalived that is stopped.
    assert nginx_unloaded(check_of_others(seen("iam-a"), CURL), PROFILE) == Unloaded()
    own = check_of_others(edited(*EDIT), CURL)
    stopped = replace(own.tree.conf, stopped=frozenset({"keepalived"}))
    assert nginx_unloaded(replace(own, tree=replace(own.tree, conf=stopped)), PROFILE).unknown == ()
    assert nginx_unloaded(check_of_others(edited(*EDIT)), PROFILE).unknown == ()


def test_so_is_what_keepalived_checks_where_it_does_not_tell():
    own = edited(*EDIT)
    silent = replace(own, running=None, rest={})
    assert nginx_unloaded(silent, PROFILE).unknown == ()
    other = own.tree.files[KEEPALIVED].content.replace(f"{CHECK} 2", "/usr/bin/curl -fs http://127.0.0.1/health")
    by_file = {**own.tree.files, KEEPALIVED: ConfFile(KEEPALIVED, other, changed_at=900.0)}
    assert "(/usr/bin/curl)" in nginx_unloaded(other_files(silent, by_file), PROFILE).unknown[0]
    balanced = by_file[KEEPALIVED].content.replace(
        "vrrp_script", "virtual_server 10.0.4.99 80 {\n}\nvrrp_script", 1
    )
    by_file[KEEPALIVED] = ConfFile(KEEPALIVED, balanced, changed_at=900.0)
    assert "`virtual_server`" in " ".join(nginx_unloaded(other_files(own, by_file), PROFILE).unknown)
    hidden = {path: file for path, file in own.tree.files.items() if path != KEEPALIVED}
    (said,) = nginx_unloaded(other_files(silent, hidden), PROFILE).unknown
    assert said.startswith("what keepalived checks is not known (it does not tell")


def test_a_check_that_does_not_ask_nginx_by_that_host_does_not_count():
    own = edited("return       204", "return       503")
    assert nginx_unloaded(check_of_others(own, script="exit 0"), PROFILE).conflicts == ()
    # Nor does one that lies there and is not run.
    assert nginx_unloaded(check_of_others(own, CURL), PROFILE).conflicts == ()
    unread = {path: file for path, file in own.tree.files.items() if path != CHECK}
    found = nginx_unloaded(other_files(own, unread), PROFILE)
    assert found.conflicts != ()
    assert f"{CHECK} was not read" in " ".join(found.unknown)
    # Others call theirs by that name, too: where no server is for ours, nobody knows what it asks.
    other = {**unread, NGINX: replace(unread[NGINX], content=unread[NGINX].content.replace("-alive.local", "."))}
    found = nginx_unloaded(other_files(own, other), PROFILE)
    assert found.conflicts == ()
    assert f"{CHECK} was not read" in " ".join(found.unknown)
