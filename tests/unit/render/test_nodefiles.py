"""Rendered node files: what an expert would write, the same every time, free of the seed's faults."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from iamops.parse.profile.loader import parse_profile
from iamops.render.nodefiles import ALIVE_HOST, CHECK_SCRIPT, NOTIFY_SCRIPT, render_node, render_sudoers
from iamops.render.templating import RenderError
from tests.support.profiles import pair

PROFILES = Path(__file__).parents[3] / "profiles"
GOLDEN = Path(__file__).parent / "golden"
SECRETS = {"VI_1": "sesame12"}


def shipped(name: str):
    path = PROFILES / f"{name}.yaml"
    return parse_profile(path.read_text(), str(path))


def content(path: str, node: str = "iam-a", profile=None, secrets=SECRETS) -> str:
    files = render_node(profile or shipped("lab"), node, secrets)
    return next(file.content for file in files if file.path == path)


@pytest.mark.parametrize(("name", "node"), [(n, node) for n in ("lab", "iam-ha") for node in shipped(n).nodes])
def test_the_files_are_the_golden_ones(name, node):
    """IAMOPS_GOLDEN=1 writes them anew: read the diff before you commit it."""
    files = render_node(shipped(name), node, SECRETS)
    text = "".join(f"##### {f.path} {f.mode:o} {f.owner}:{f.group}\n{f.content}\n" for f in files)
    golden = GOLDEN / f"{name}-{node}.txt"
    if os.environ.get("IAMOPS_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_every_upstream_server_ends_with_a_semicolon():
    servers = re.findall(r"^\s+server \d.*$", content("/etc/nginx/nginx.conf"), re.MULTILINE)
    assert len(servers) == 4
    assert all(line.endswith(";") for line in servers)


def test_each_node_names_itself_by_loopback_and_its_peer_by_address():
    text = content("/etc/nginx/nginx.conf", "iam-b")
    assert "server 127.0.0.1:8080 max_fails=1 fail_timeout=2s;" in text
    assert "server 10.0.4.20:8080 max_fails=1 fail_timeout=2s;" in text
    assert "10.0.4.21" not in text


def test_a_dead_backend_costs_a_second_not_a_minute():
    assert re.search(r"proxy_connect_timeout\s+1s;", content("/etc/nginx/nginx.conf"))


def test_none_of_the_seeds_faults_is_repeated():
    keepalived = content("/etc/keepalived/keepalived.conf")
    for fault in ("garp_interval", "gna_interval", "smtp", "notification_email", "state MASTER"):
        assert fault not in keepalived
    assert "enable_script_security" in keepalived
    assert "script_user" in keepalived
    assert "telnet" not in content("/etc/keepalived/check_nginx.sh")


def test_the_only_backend_that_takes_requests_is_never_given_up():
    drained = pair(services={"api": {"port": 8080, "domain": "api.example.com", "drained": ["iam-b"]}})
    text = content("/etc/nginx/nginx.conf", profile=drained)
    assert re.findall(r"server (\S+:8080) ([^;]*);", text) == [
        ("127.0.0.1:8080", "max_fails=0"),
        ("10.0.4.21:8080", "down"),
    ]


def test_unicast_source_and_peer_mirror_each_other():
    a, b = (content("/etc/keepalived/keepalived.conf", node) for node in ("iam-a", "iam-b"))
    assert "unicast_src_ip 10.0.4.20" in a
    assert re.search(r"unicast_peer \{\s+10\.0\.4\.21\s+\}", a)
    assert "unicast_src_ip 10.0.4.21" in b
    assert re.search(r"unicast_peer \{\s+10\.0\.4\.20\s+\}", b)


def some(count: int, **changes):
    nodes = {f"n{i}": {"address": f"10.0.4.{20 + i}", "priority": 100 - i} for i in range(count)}
    return pair(nodes=nodes, datastores={}, **changes)


def test_three_nodes_know_all_their_peers():
    text = content("/etc/keepalived/keepalived.conf", "n0", some(3), {})
    assert re.search(r"unicast_peer \{\s+10\.0\.4\.21\s+10\.0\.4\.22\s+\}", text)
    assert "authentication" not in text
    nginx = content("/etc/nginx/nginx.conf", "n1", some(3))
    named = re.findall(r"server (\S+:8080) ", nginx)
    assert named == ["127.0.0.1:8080", "10.0.4.20:8080", "10.0.4.22:8080"]
    assert re.search(r"proxy_next_upstream_tries\s+3;", nginx)


@pytest.mark.parametrize(("nodes", "unicast"), [(1, True), (2, False)])
def test_without_peers_or_without_unicast_there_is_no_unicast_block(nodes, unicast):
    vrrp = {"VI_1": {"virtual_router_id": 51, "vip": "10.0.4.99", "unicast": unicast}}
    assert "unicast" not in content("/etc/keepalived/keepalived.conf", "n0", some(nodes, vrrp=vrrp), {})


def test_two_instances_carry_their_own_priorities_and_checks():
    vrrp = {
        "V1": {"virtual_router_id": 1, "vip": "10.0.4.98"},
        "V2": {"virtual_router_id": 2, "vip": "10.0.4.99", "nopreempt": False, "priorities": {"n0": 7}},
    }
    text = content("/etc/keepalived/keepalived.conf", "n0", some(2, vrrp=vrrp), {})
    assert re.findall(r"^    priority (\d+)$", text, re.MULTILINE) == ["100", "7"]
    assert re.findall(r"^vrrp_script (\w+) ", text, re.MULTILINE) == ["check_nginx_V1", "check_nginx_V2"]
    assert len(re.findall(r"^    nopreempt ", text, re.MULTILINE)) == 1


def test_ipv6_addresses_are_bracketed_and_listened_to():
    nodes = {f"n{i}": {"address": f"fd00::{i + 1}", "priority": 100 - i} for i in range(2)}
    vrrp = {"V6": {"virtual_router_id": 6, "vip": "fd00::99/64", "version": 3}}
    profile = pair(nodes=nodes, datastores={}, vrrp=vrrp)
    nginx = content("/etc/nginx/nginx.conf", "n0", profile, {})
    assert "server [fd00::2]:8080 " in nginx
    assert "listen       [::]:80;" in nginx
    assert "listen       [::]:80;" in content("/etc/nginx/conf.d/iam-apiserver.conf", "n0", profile, {})


def test_a_service_is_balanced_only_between_the_nodes_that_run_it():
    services = {"api": {"port": 8080, "domain": "a.example", "nodes": ["n1", "n2"]}}
    nginx = content("/etc/nginx/nginx.conf", "n0", some(3, services=services))
    assert re.findall(r"^\s+server (\S+:8080) ", nginx, re.MULTILINE) == ["10.0.4.21:8080", "10.0.4.22:8080"]


def test_a_service_on_no_node_is_balanced_between_its_endpoints_alone():
    away = ["198.51.100.11:8080", "198.51.100.12:8080"]
    services = {"api": {"port": 8080, "domain": "a.example", "nodes": [], "backends": away}}
    nginx = content("/etc/nginx/nginx.conf", "n0", some(2, services=services))
    assert re.findall(r"^\s+server (\S+:8080)\b", nginx, re.MULTILINE) == away


def test_the_richer_log_format_begins_with_the_guides_own():
    nginx = content("/etc/nginx/nginx.conf", "n0", some(2, logs={"format": "iamops"}))
    main, rich = (re.search(rf"log_format  {name}  (.*?);", nginx, re.DOTALL)[1] for name in ("main", "iamops"))
    joined = ["".join(re.findall("'(.*?)'", text)) for text in (main, rich)]
    assert joined[1].startswith(joined[0] + " ")
    assert all(word in rich for word in ("$host", "$upstream_addr", "$request_time", "$request_id"))
    assert re.search(r"access_log\s+\S+\s+iamops;", nginx)


def test_a_log_format_of_the_profiles_own_cannot_end_its_quotes():
    nginx = content("/etc/nginx/nginx.conf", "n0", some(2, logs={"format": "$status it's \\ so"}))
    assert "log_format  profile  '$status it\\'s \\\\ so';" in nginx


def test_a_pasted_log_format_is_written_as_one_and_combined_is_nginxs_own():
    pasted = "log_format x escape=json '{\"s\":$status'\n  ',\"t\":$msec}';"
    nginx = content("/etc/nginx/nginx.conf", "n0", some(2, logs={"format": pasted}))
    assert 'log_format  profile  escape=json \'{"s":$status,"t":$msec}\';' in nginx
    own = content("/etc/nginx/nginx.conf", "n0", some(2, logs={"format": "combined"}))
    assert re.findall(r"log_format +(\w+)", own) == ["main"]
    assert "  combined;" in own


@pytest.mark.parametrize(("timeout", "limit"), [(1, "0.5"), (2, "1"), (3, "2")])
def test_the_check_gives_up_before_keepalived_does(timeout, limit):
    check = {"interval_s": 5, "timeout_s": timeout, "fall": 4, "rise": 3}
    vrrp = {"VI_1": {"virtual_router_id": 51, "vip": "10.0.4.99", "check": check}}
    text = content("/etc/keepalived/keepalived.conf", "n0", some(2, vrrp=vrrp), {})
    assert f'script "/etc/keepalived/check_nginx.sh {limit}"' in text
    values = dict(re.findall(r"^    (interval|timeout|fall|rise) (\d+)", text, re.MULTILINE))
    assert values == {"interval": "5", "timeout": str(timeout), "fall": "4", "rise": "3"}


def test_keepalived_can_still_test_its_own_configuration():
    """keepalived 2.2.7 -t kills itself (143) when any script has another user than root: issue 2617."""
    text = content("/etc/keepalived/keepalived.conf")
    assert re.findall(r"^\s*(?:script_)?user (\S+)", text, re.MULTILINE) == ["root"]


def test_a_node_that_the_profile_does_not_have_is_refused_by_name():
    with pytest.raises(RenderError, match=r"'iam-z' is no node of lab: its nodes are iam-a, iam-b"):
        render_node(shipped("lab"), "iam-z", SECRETS)


def test_the_password_file_is_secret_and_nobody_elses():
    files = {file.path: file for file in render_node(shipped("lab"), "iam-a", SECRETS)}
    assert files["/etc/keepalived/keepalived.conf"].secret
    assert files["/etc/keepalived/keepalived.conf"].mode == 0o600
    others = [f for path, f in files.items() if path != "/etc/keepalived/keepalived.conf"]
    assert not any("sesame12" in file.content for file in others)


@pytest.mark.parametrize("password", ["", "ninechars", "semi;col", "new\nline", "spa ce", "quo'te"])
def test_a_password_keepalived_could_not_use_is_refused(password):
    with pytest.raises(RenderError, match="1 to 8 characters"):
        content("/etc/keepalived/keepalived.conf", secrets={"VI_1": password})


def test_a_missing_password_is_refused_by_name():
    with pytest.raises(RenderError, match="VI_1: its VRRP password is not at hand"):
        content("/etc/keepalived/keepalived.conf", secrets={})


def test_sudoers_allows_exact_commands_only():
    lines = [line for line in render_sudoers(shipped("lab")).splitlines() if "NOPASSWD" in line]
    assert lines
    assert not any(re.search(r"[*?\[\]]|ALL$", line.partition("NOPASSWD:")[2]) for line in lines)
    rule, own = "iamops ALL=(root) NOPASSWD: ", "/usr/local/sbin/iamops-config "
    assert all(line.startswith((f"{rule}/usr/bin/", f"{rule}/usr/sbin/", f"{rule}{own}")) for line in lines)


Serve = Callable[[socket.socket], None]


@contextmanager
def server(serve: Serve) -> Iterator[int]:
    """A server for one connection on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(timeout=10)


def whole_request(connection: socket.socket) -> bytes:
    """bash sends it line by line."""
    asked = b""
    while not asked.endswith(b"\r\n\r\n") and (part := connection.recv(4096)):
        asked += part
    return asked


def answering(status: str, seen: list[bytes] | None = None) -> Serve:
    def serve(listening: socket.socket) -> None:
        with listening.accept()[0] as connection:
            asked = whole_request(connection)
            if seen is not None:
                seen.append(asked)
            connection.sendall(f"{status}\r\nConnection: close\r\n\r\n".encode())

    return serve


def hanging_up(listening: socket.socket) -> None:
    with listening.accept()[0] as connection:
        whole_request(connection)


def never_accepting(_listening: socket.socket) -> None:
    """The kernel completes the handshake for it, as for an nginx whose workers hang."""


def rendered(path: str, directory: Path, **changes) -> Path:
    files = render_node(pair(**changes), "iam-a", {})
    script = directory / Path(path).name
    script.write_text(next(file.content for file in files if file.path == path))
    script.chmod(0o755)
    return script


def check(directory: Path, port: int, limit_s: str = "5") -> int:
    script = rendered(CHECK_SCRIPT, directory, nginx={"port": port})
    done = subprocess.run([script, limit_s], stderr=subprocess.DEVNULL, timeout=20, check=False)
    return done.returncode


def test_an_nginx_that_answers_passes_and_is_asked_by_the_name_of_its_own_server(tmp_path):
    seen: list[bytes] = []
    with server(answering("HTTP/1.1 204 No Content", seen)) as port:
        assert check(tmp_path, port) == 0
    assert f"\r\nHost: {ALIVE_HOST}\r\n".encode() in seen[0]


@pytest.mark.parametrize("status", ["HTTP/1.1 502 Bad Gateway", "HTTP/1.1 200 OK", "SSH-2.0-OpenSSH_9.2", ""])
def test_any_other_answer_fails(tmp_path, status):
    with server(answering(status)) as port:
        assert check(tmp_path, port) == 1


def test_a_connection_closed_without_an_answer_fails(tmp_path):
    with server(hanging_up) as port:
        assert check(tmp_path, port) == 1


def test_a_hung_nginx_fails_when_its_time_is_up(tmp_path):
    with server(never_accepting) as port:
        assert check(tmp_path, port, "0.3") == 124


def test_a_stopped_nginx_fails(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert check(tmp_path, port) == 1


def test_every_transition_becomes_one_line_of_the_notify_log(tmp_path):
    script = rendered(NOTIFY_SCRIPT, tmp_path, logs={"notify": str(tmp_path / "notify.log")})
    (tmp_path / "notify.log").touch()
    for state in ("MASTER", "STOP"):
        subprocess.run([script, state], check=True, timeout=20)
    refused = subprocess.run([script, "$(reboot)"], stderr=subprocess.PIPE, timeout=20, check=False)
    lines = (tmp_path / "notify.log").read_text().splitlines()
    assert [line.split("] ")[1] for line in lines] == ["notify_master", "notify_stop"]
    assert (refused.returncode, b"usage:" in refused.stderr) == (2, True)
