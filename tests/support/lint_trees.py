"""Files for lint: the guide's own, rendered ones, and a fixture for every rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from iamops.judge.lint.finding import LintReport
from iamops.judge.lint.lint import lint
from iamops.model.config import ConfFile, ConfTree, DaemonCheck
from iamops.parse.profile.loader import parse_profile
from iamops.render.nodefiles import render_node

ROOT = Path(__file__).parents[2]
SEED = ROOT / "tests" / "fixtures" / "lint" / "seed"
NGINX, KEEPALIVED = "/etc/nginx/nginx.conf", "/etc/keepalived/keepalived.conf"
CHECK = "/etc/keepalived/check_nginx.sh"
SERVER = "/etc/nginx/conf.d/iam-apiserver.conf"


def shipped(name: str):
    path = ROOT / "profiles" / f"{name}.yaml"
    return parse_profile(path.read_text(), str(path))


LAB = shipped("lab")


def rendered(node: str = "iam-a", profile=LAB) -> ConfTree:
    """A node that has exactly what the profile asks for."""
    secrets = dict.fromkeys(profile.vrrp, "sesame12")
    files = render_node(profile, node, secrets)
    return ConfTree(node, {f.path: ConfFile(f.path, f.content, f.mode, f.owner, f.group) for f in files})


def edited(path: str, was: str, becomes: str, node: str = "iam-a") -> list[ConfTree]:
    """The rendered pair with one edit on one node."""
    trees = {name: rendered(name) for name in LAB.nodes}
    file = trees[node].files[path]
    assert was in file.content, was
    changed = replace(file, content=file.content.replace(was, becomes))
    trees[node] = replace(trees[node], files={**trees[node].files, path: changed})
    return list(trees.values())


def with_file(path: str, node: str = "iam-a", **changes: object) -> list[ConfTree]:
    trees = {name: rendered(name) for name in LAB.nodes}
    files = {**trees[node].files, path: replace(trees[node].files[path], **changes)}  # type: ignore[arg-type]
    trees[node] = replace(trees[node], files=files)
    return list(trees.values())


def without(*paths: str) -> list[ConfTree]:
    tree = rendered()
    return [
        replace(tree, files={path: file for path, file in tree.files.items() if path not in paths}),
        rendered("iam-b"),
    ]


def codes(report: LintReport) -> set[str]:
    return {finding.rule.code for finding in report.unsilenced}


def check(line: str) -> list[ConfTree]:
    return edited(CHECK, "ask() {", f"{line}\nask() {{")


def said_by(daemon: str, status: int, said: str) -> LintReport:
    """What lint makes of a daemon's own test."""
    return lint([], checks=[DaemonCheck("iam-a", daemon, status, said)])


Case = Callable[[], LintReport]
VIP, INSTANCE = "    virtual_ipaddress {\n        10.0.4.99\n    }\n", "vrrp_instance VI_1 {"
PEER = "    unicast_peer {\n        10.0.4.21\n    }\n"
SECOND = "vrrp_instance VI_2 {\n    virtual_router_id 52\n    virtual_ipaddress {\n        10.0.4.98\n    }\n}\n"
FIXTURES: dict[str, Case] = {
    "N001": lambda: lint(edited(NGINX, "fail_timeout=2s;", "fail_timeout=2s"), LAB),
    "N002": lambda: lint(edited(NGINX, "sendfile            on;", "sendfile on off;"), LAB),
    "N003": lambda: lint(edited(NGINX, "events {\n    worker_connections 1024;\n}", ""), LAB),
    "N004": lambda: lint(edited(NGINX, "proxy_connect_timeout       1s;", ""), LAB),
    "N005": lambda: lint(edited(SERVER, "    location ", "    error_page 404 /404.html;\n    location "), LAB),
    "N006": lambda: lint(edited(NGINX, "        server 10.0.4.21:8080 max_fails=1 fail_timeout=2s;\n", ""), LAB),
    "N007": lambda: lint(edited(NGINX, "access.log  iamops;", "access.log  main;"), LAB),
    "N008": lambda: said_by("nginx", 1, "nginx: [emerg] not expected \"}\" in /etc/nginx/nginx.conf:9"),
    "N009": lambda: lint(edited(NGINX, "sendfile            on;", "brotli on;"), LAB),
    "K001": lambda: lint(edited(KEEPALIVED, "    track_script {", "    track_script {{"), LAB),
    "K002": lambda: lint(edited(KEEPALIVED, "global_defs {", "@main global_defs {"), LAB),
    "K003": lambda: lint(edited(KEEPALIVED, "    router_id", "    vrrp_garp_interval 0\n    router_id"), LAB),
    "K004": lambda: lint(edited(KEEPALIVED, "    enable_script_security", "    #"), LAB),
    "K005": lambda: lint(edited(KEEPALIVED, "    script_user root", "    #"), LAB),
    "K006": lambda: lint(edited(KEEPALIVED, "state BACKUP", "state MASTER"), LAB),
    "K007": lambda: lint(edited(KEEPALIVED, "weight 0 ", "weight -20 "), LAB),
    "K008": lambda: lint(edited(KEEPALIVED, "fall 2", "fall 1"), LAB),
    "K009": lambda: lint(edited(KEEPALIVED, "vrrp_script check_nginx_VI_1", "vrrp_script other"), LAB),
    "K010": lambda: lint([_moved_behind()], LAB),
    "K011": lambda: lint(edited(KEEPALIVED, "    router_id", "    vrrp_strict\n    router_id"), LAB),
    "K012": lambda: lint(edited(KEEPALIVED, "priority 100", "priority 255"), LAB),
    "K013": lambda: lint(edited(KEEPALIVED, "    router_id", "    smtp_server 192.168.200.1\n    router_id"), LAB),
    "K014": lambda: lint(edited(KEEPALIVED, "unicast_src_ip 10.0.4.20", "unicast_src_ip 10.0.4.30"), LAB),
    "K015": lambda: lint(edited(KEEPALIVED, "auth_pass sesame12", "auth_pass sesame123"), LAB),
    "K016": lambda: lint(with_file(KEEPALIVED, mode=0o644), LAB),
    "K017": lambda: said_by("keepalived", 5, "(/etc/keepalived/keepalived.conf: Line 3) bad"),
    "K018": lambda: said_by("keepalived", 6, "Unsafe permissions found for script '/x'"),
    "K019": lambda: lint(edited(KEEPALIVED, "    track_file {", "track_interface {\neth0\n}\ntrack_file {"), LAB),
    "K020": lambda: lint(edited(KEEPALIVED, "\n", "\r\n"), LAB),
    "S001": lambda: lint(check("telnet 127.0.0.1 80 | grep refused"), LAB),
    "S002": lambda: lint(check("curl -fs http://127.0.0.1/"), LAB),
    "S003": lambda: lint(check("systemctl restart nginx"), LAB),
    "S004": lambda: lint(check("exec 3<>/dev/tcp/10.0.4.99/80"), LAB),
    "S005": lambda: lint(with_file(CHECK, mode=0o644), LAB),
    "S006": lambda: lint(with_file(CHECK, mode=0o757), LAB),
    "S007": lambda: lint(edited(KEEPALIVED, "/etc/keepalived/check_nginx.sh 2", "/usr/bin/pgrep nginx"), LAB),
    "S008": lambda: lint(edited(CHECK, "\n", "\r\n"), LAB),
    "P001": lambda: lint(edited(KEEPALIVED, "virtual_router_id 51", "virtual_router_id 52"), LAB),
    "P002": lambda: lint(edited(KEEPALIVED, "advert_int 1", "advert_int 3"), LAB),
    "P003": lambda: lint(edited(KEEPALIVED, "auth_pass sesame12", "auth_pass sesame13"), LAB),
    "P004": lambda: lint(edited(KEEPALIVED, "version 2", "version 3"), LAB),
    "P005": lambda: lint(edited(KEEPALIVED, "10.0.4.99", "10.0.4.98"), LAB),
    "P006": lambda: lint(edited(KEEPALIVED, PEER, PEER.replace("21", "31")), LAB),
    "P007": lambda: lint(edited(KEEPALIVED, PEER, ""), LAB),
    "P008": lambda: lint(edited(KEEPALIVED, "    nopreempt", "    #"), LAB),
    "P009": lambda: lint(edited(KEEPALIVED, "priority 100", "priority 50"), LAB),
    "P010": lambda: lint(edited(KEEPALIVED, INSTANCE, f"{SECOND}{INSTANCE}"), LAB),
    "L001": lambda: lint([replace(with_file(NGINX, changed_at=500.0)[0], loaded_at={"nginx": 400.0})], LAB),
    "L002": lambda: lint([replace(rendered(), rendered={NGINX: "# else\n"})], LAB),
    "L003": lambda: lint(without(KEEPALIVED), LAB),
    "L004": lambda: lint([], silence={"K999": "what?"}),
}  # fmt: skip


def _moved_behind() -> ConfTree:
    tree = rendered()
    text = tree.files[KEEPALIVED].content
    block = text[text.index("vrrp_script") : text.index("}", text.index("vrrp_script")) + 1]
    moved = replace(tree.files[KEEPALIVED], content=f"{text.replace(block, '')}\n{block}\n")
    return replace(tree, files={**tree.files, KEEPALIVED: moved})


def on_both(path: str, was: str, becomes: str) -> list[ConfTree]:
    trees = [rendered(node) for node in LAB.nodes]
    return [
        replace(t, files={**t.files, path: replace(f, content=f.content.replace(was, becomes))})
        for t in trees
        for f in [t.files[path]]
    ]
