"""Files that somebody made to hurt, or that are merely unusual: no crash, no hang, no secret, no false alarm."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from iamops.judge.lint.finding import LintReport
from iamops.judge.lint.lint import lint
from iamops.model.config import ConfFile, ConfTree
from iamops.report.config import junit, lint_document, sarif
from iamops.session.config.directory import read_directory
from tests.unit.judge.lint.test_lint import CHECK, KEEPALIVED, LAB, NGINX, SEED, SERVER, codes, edited, rendered


def conf(**files: str) -> ConfTree:
    paths = {"nginx": NGINX, "keepalived": KEEPALIVED, "check": CHECK}
    return ConfTree("iam-a", {paths[key]: ConfFile(paths[key], text) for key, text in files.items()})


def on_both(path: str, was: str, becomes: str) -> list[ConfTree]:
    trees = [rendered(node) for node in LAB.nodes]
    return [
        replace(t, files={**t.files, path: replace(f, content=f.content.replace(was, becomes))})
        for t in trees
        for f in [t.files[path]]
    ]


def checked_by(command: str) -> set[str]:
    """Codes for a check that is a command of its own, without a script."""
    return codes(lint(on_both(KEEPALIVED, "/etc/keepalived/check_nginx.sh 2", command), LAB))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "files",
    [
        {"nginx": "a {" * 5000},
        {"nginx": "a {" * 5000 + "}" * 5001},
        {"keepalived": "a {\n" * 5000},
        {"nginx": "include *.conf; include *.conf;"},
        {"keepalived": "include *.conf\ninclude *.conf\n"},
        {"keepalived": "vrrp_instance a {\npriority " + "9" * 400 + "\nadvert_int 1" + "0" * 400 + "\n}\n"},
        {"keepalived": 'vrrp_script a {\nscript " "\n}\nvrrp_instance b {\nnotify_master " "\nnotify_stop\n}\n'},
        {"keepalived": "vrrp_script\nvrrp_instance\n{\n}\ntrack_script {\n}\n"},
        {"nginx": "http { upstream; upstream { server; } server { error_page; location { proxy_pass; } } }"},
        {"nginx": "content_by_lua_block x"},
        {"nginx": 'http { server_name "abc;\n}'},
        {"nginx": "log_format\n" * 3000},
        {"nginx": "server " + "a\nserver " * 3000},
        {"nginx": "http { upstream a { " + "server a:1\n" * 50_000},
        {"nginx": "http { upstream a { " + "server\n" * 100_000},
        {"nginx": "http { types_hash_max_size\n" + "sendfile on\n" * 80_000},
        {"nginx": "http { " + "sendfile on;\n" * 50_000},
        {"keepalived": "vrrp_instance a {\n" + "state BACKUP\n" * 50_000},
        {"keepalived": '"\\' * 300_000},
        {"keepalived": 'vrrp_script a {\nscript "' + "nc|systemctl " * 50_000 + '"\n}\n'},
        {
            "keepalived": f"vrrp_script a {{\nscript {CHECK}\n}}\n",
            "check": ("nc|systemctl pgrep /a/" * 40 + "\n") * 900,
        },
    ],
    ids=lambda files: repr(next(iter(files.values())))[-40:],
)
def test_it_never_fails_and_always_ends(files: dict[str, str]):
    assert lint([conf(**files)], LAB).findings


@pytest.mark.timeout(60)
def test_files_that_include_one_another_twice_each_come_to_an_end():
    names = [f"/etc/nginx/{number}.conf" for number in range(40)]
    files = {
        name: f"include {after}; include {after};" for name, after in zip(names, [*names[1:], "x"], strict=True)
    }
    tree = ConfTree("iam-a", {name: ConfFile(name, text) for name, text in files.items()})
    top = ConfFile(NGINX, "include 0.conf;")
    report = lint([replace(tree, files={**tree.files, NGINX: top})])
    assert any("more includes" in each.hit.evidence for each in report.findings)


@pytest.mark.parametrize("seed", range(40))
def test_the_guides_files_cut_and_spoiled_never_make_it_fail(seed: int):
    chance = random.Random(seed)
    trees = []
    for node in ("10.0.4.20", "10.0.4.21"):
        tree = read_directory(SEED / node)
        files = {path: replace(file, content=_spoiled(file.content, chance)) for path, file in tree.files.items()}
        trees.append(replace(tree, files=files))
    report = lint(trees, LAB)
    json.dumps([lint_document(report), sarif(report, "0")])
    ElementTree.fromstring(junit(report))  # noqa: S314 - our own text


def _spoiled(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    noise = "".join(chance.choice("{};\"'\\\n\x00\x1b #!@$~\u2028\ud800<&") for _ in range(chance.randrange(30)))
    return text[: chance.randrange(at + 1)] + noise + (text[at:] if chance.random() < 0.7 else "")


def shown(report: LintReport) -> str:
    return json.dumps([lint_document(report), sarif(report, "0")]) + junit(report)


def test_a_definition_or_a_header_does_not_show_its_secret():
    trees = on_both(KEEPALIVED, "global_defs {", "$PASSWORD=swordfish\nglobal_defs {")
    assert "swordfish" not in shown(lint(trees, LAB))
    lost = "        proxy_set_header Authorization swordfish\n        proxy_pass"
    report = lint(on_both(SERVER, "        proxy_pass", lost), LAB)
    assert "N001" in codes(report)
    assert "swordfish" not in shown(report)


def test_evidence_cannot_move_a_cursor_or_break_xml():
    report = lint(edited(CHECK, "ask() {", "telnet \x1b[2J\x00 | grep refused\nask() {"), LAB)
    assert "S001" in codes(report)
    assert "\x1b" not in "".join(each.hit.evidence for each in report.findings)
    ElementTree.fromstring(junit(report))  # noqa: S314 - our own text
    assert junit(report).startswith('<?xml version="1.0" encoding="UTF-8"?>')


def test_a_place_in_sarif_is_a_uri():
    path = "/etc/nginx/conf.d/my site.conf"
    tree = rendered()
    report = lint([replace(tree, files={**tree.files, path: ConfFile(path, "server {")})], LAB)
    places = [p for r in sarif(report, "0")["runs"][0]["results"] for p in r.get("locations", [])]
    uris = {place["physicalLocation"]["artifactLocation"]["uri"] for place in places}
    assert "iam-a/etc/nginx/conf.d/my%20site.conf" in uris


def test_what_hangs_on_a_definition_or_a_conditional_is_not_compared():
    """The usual reason for either is one file for both nodes: their values differ where it is read."""
    trees = [rendered(node) for node in LAB.nodes]
    one = trees[0].files[KEEPALIVED].content
    for was, becomes in {
        "priority 100": "@a priority 100\n    @b priority 50",
        "unicast_src_ip 10.0.4.20": "unicast_src_ip $OWN",
        "        10.0.4.21\n": "        $PEER\n",
        "auth_pass sesame12": "auth_pass $VRRP_PASSWORD",
    }.items():
        assert was in one
        one = one.replace(was, becomes)
    both = [replace(t, files={**t.files, KEEPALIVED: replace(t.files[KEEPALIVED], content=one)}) for t in trees]
    assert codes(lint(both, LAB)) == {"K002"}


def test_a_vip_with_its_prefix_length_is_the_same_vip():
    assert codes(lint(edited(KEEPALIVED, "        10.0.4.99\n", "        10.0.4.99/32 dev eth0\n"), LAB)) == set()


def test_a_node_without_any_instance_leaves_the_vip_to_the_other():
    trees = [rendered(node) for node in LAB.nodes]
    bare = replace(trees[1].files[KEEPALIVED], content="global_defs {\n}\n")
    trees[1] = replace(trees[1], files={**trees[1].files, KEEPALIVED: bare})
    assert "P010" in codes(lint(trees, LAB))


def test_a_directory_named_after_the_nodes_address_is_that_node():
    wrong = edited(KEEPALIVED, "unicast_src_ip 10.0.4.20", "unicast_src_ip 10.0.4.30")
    trees = [replace(tree, name=LAB.nodes[tree.name].address) for tree in wrong]
    assert "K014" in codes(lint(trees, LAB))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("/usr/bin/killall -0 nginx", {"S002", "S007"}),
        ("/usr/bin/pgrep -x nginx", {"S007"}),
        ("/bin/pidof nginx", {"S002", "S007"}),
        ("/bin/systemctl is-active nginx", {"S007"}),
        ("/usr/bin/curl -fs http://127.0.0.1/", {"S002"}),
        ("/usr/bin/curl -fs -H 'Host: iam.api.marmotedu.com' http://127.0.0.1/healthz", {"S002", "S004"}),
        ("/usr/bin/curl -fs http://10.0.4.99/", {"S002", "S004"}),
        ("/bin/systemctl restart nginx", {"S003"}),
        ("/usr/sbin/nginx", {"S003"}),
        ("/usr/local/bin/ask-nginx", set()),
        ("/bin/bash /etc/keepalived/check_nginx.sh 2", set()),
        ("/bin/bash /etc/keepalived/other.sh", {"S005"}),
    ],
)
def test_a_check_without_a_script_is_judged_by_its_command(command: str, expected: set[str]):
    assert checked_by(command) == expected


def test_restarting_in_a_script_is_found_wherever_it_stands():
    for line in ("[ -z $x ] && nginx", "if ! pidof nginx; then /usr/sbin/nginx -s reload; fi", "pkill keepalived"):
        assert "S003" in codes(lint(edited(CHECK, "ask() {", f"{line}\nask() {{"), LAB)), line


def test_the_seed_fixture_holds_no_comment_of_the_guide():
    for path in Path(SEED).rglob("*.conf"):
        assert "#" not in path.read_text(), path
