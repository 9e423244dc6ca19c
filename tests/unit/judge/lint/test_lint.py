"""Lint: the guide's own files and one fixture for every rule; nothing on what we render; never a crash."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from junitparser import Failure, JUnitXml, Skipped

from iamops.judge.lint.catalogue import CATALOGUE
from iamops.judge.lint.finding import LintReport
from iamops.judge.lint.lint import lint
from iamops.model.config import ConfFile, ConfTree, DaemonCheck
from iamops.model.facts import Severity
from iamops.parse.profile.loader import parse_profile
from iamops.render.nodefiles import render_node
from iamops.report.config import junit, lint_document, sarif
from iamops.session.config.directory import read_directory

ROOT = Path(__file__).parents[4]
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
FIXTURES: dict[str, Case] = {
    "N001": lambda: lint(edited(NGINX, "fail_timeout=2s;", "fail_timeout=2s"), LAB),
    "N002": lambda: lint(edited(NGINX, "sendfile            on;", "sendfile on off;"), LAB),
    "N003": lambda: lint(edited(NGINX, "events {\n    worker_connections 1024;\n}", ""), LAB),
    "N004": lambda: lint(edited(NGINX, "proxy_connect_timeout       1s;", ""), LAB),
    "N005": lambda: lint(edited(SERVER, "    location ", "    error_page 404 /404.html;\n    location "), LAB),
    "N006": lambda: lint(edited(NGINX, "        server 10.0.4.21:8080 max_fails=1 fail_timeout=2s;\n", ""), LAB),
    "N007": lambda: lint(edited(NGINX, "access.log  iamops;", "access.log  main;"), LAB),
    "N008": lambda: said_by("nginx", 1, "nginx: [emerg] not expected \"}\" in /etc/nginx/nginx.conf:9"),
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
    "P010": lambda: lint(edited(KEEPALIVED, INSTANCE, "vrrp_instance VI_2 {"), LAB),
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


def test_a_profile_of_another_name_is_no_drift():
    mine = rendered(profile=LAB.model_copy(update={"name": "mine"}))
    renamed = {path: file.content for path, file in mine.files.items()}
    assert renamed[NGINX] != rendered().files[NGINX].content
    assert "L002" not in codes(lint([replace(rendered(), rendered=renamed)], LAB))


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_rule_has_a_fixture_that_triggers_it_and_little_else(code: str):
    found = codes(FIXTURES[code]())
    assert code in found
    # What else a fixture breaks must follow from the same edit.
    assert len(found - {code}) <= 2, found


@pytest.mark.parametrize("name", ["lab", "iam-ha"])
def test_what_is_rendered_has_no_finding(name: str):
    profile = shipped(name)
    trees = [rendered(node, profile) for node in profile.nodes]
    found = [f"{each.rule.code} {each.hit.evidence}" for each in lint(trees, profile).findings]
    # The guide's own log format says less than could be said, and that is true.
    assert [each for each in found if not each.startswith("N007")] == []
    assert found == [] or name == "iam-ha"


def test_the_guides_own_files_have_the_faults_they_are_known_for():
    report = lint([read_directory(SEED / node) for node in ("10.0.4.20", "10.0.4.21")])
    at = {
        (each.rule.code, each.hit.file, each.hit.line)
        for each in report.unsilenced
        if each.hit.node == "10.0.4.20"
    }
    assert {("N001", NGINX, line) for line in (19, 20, 23, 24)} <= at
    assert {("K003", KEEPALIVED, 10), ("K003", KEEPALIVED, 11)} <= at
    assert ("S001", CHECK, 3) in at
    assert ("N005", SERVER, 13) in at
    assert {code for code, _, _ in at} >= {"N004", "K004", "K008", "K013", "K016", "K019", "N003", "N007"}
    assert not any(code.startswith(("P", "L")) for code, _, _ in at)


def test_a_silenced_rule_is_kept_apart_with_its_reason():
    report = lint(edited(KEEPALIVED, "fall 2", "fall 1"), LAB, silence={"K008": "one probe is enough here"})
    assert codes(report) == set()
    document = lint_document(report)
    assert (document["findings"], document["silenced"][0]["reason"]) == ([], "one probe is enough here")
    assert not report.worse_than(Severity.INFO)
    assert (
        sarif(report, "0")["runs"][0]["results"][0]["suppressions"][0]["justification"]
        == "one probe is enough here"
    )


def test_no_document_shows_a_password():
    for case in FIXTURES.values():
        report = case()
        text = json.dumps([lint_document(report), sarif(report, "0")]) + junit(report)
        assert "sesame" not in text


def test_junit_fails_exactly_the_rules_that_were_broken(tmp_path: Path):
    path = tmp_path / "lint.xml"
    path.write_text(junit(lint(edited(KEEPALIVED, "advert_int 1", "advert_int 3"), LAB)))
    suites = JUnitXml.fromfile(str(path))
    failed = [case.name for suite in suites for case in suite if any(isinstance(r, Failure) for r in case.result)]
    assert failed == ["P002 advert_int differs"]


def skipped(report: LintReport) -> dict[str, str]:
    """Code -> why its case is skipped."""
    suites = JUnitXml.fromstring(junit(report).encode())
    cases = [case for suite in suites for case in suite]
    return {c.name.split()[0]: r.message for c in cases for r in c.result if isinstance(r, Skipped)}


def test_a_rule_that_had_nothing_to_look_at_is_skipped_in_junit_and_has_not_passed():
    live = [replace(rendered(node), loaded_at={"nginx": 1.0}, rendered={}) for node in LAB.nodes]
    asked = [DaemonCheck(node, daemon, 0, "") for node in LAB.nodes for daemon in ("nginx", "keepalived")]
    assert skipped(lint(live, LAB, asked)) == {}
    assert set(skipped(lint(live, LAB))) == {"N008", "K017", "K018"}
    alone = skipped(lint([rendered()], LAB))
    assert {f"P{number:03}" for number in range(1, 11)} <= set(alone)
    assert {"L001", "L002"} <= set(alone)
    no_nginx = skipped(lint(without(NGINX), LAB))
    assert {"N001", "N007"} <= set(no_nginx)
    assert no_nginx["N001"] == f"not asked: {NGINX} of iam-a is not there"
    assert "K001" not in no_nginx


def test_the_documented_table_is_the_catalogue():
    rows = ["| code | severity | what | why | fix |", "|---|---|---|---|---|"]
    rows += [f"| {r.code} | {r.severity} | {r.title} | {r.why} | {r.fix} |" for r in CATALOGUE.values()]
    assert "\n".join(rows) + "\n" in (ROOT / "docs" / "lint.md").read_text()


@pytest.mark.parametrize("seed", range(60))
def test_no_text_makes_lint_fail(seed: int):
    """Truncated, shuffled and spoiled files: findings, never an exception."""
    chance = random.Random(seed)
    trees = []
    for node in LAB.nodes:
        tree = rendered(node)
        files = {path: replace(file, content=_spoiled(file.content, chance)) for path, file in tree.files.items()}
        trees.append(replace(tree, files=files))
    lint(trees, LAB)


def _spoiled(text: str, chance: random.Random) -> str:
    kind = chance.randrange(4)
    if kind == 0:
        return text[: chance.randrange(len(text) + 1)]
    if kind == 1:
        lines = text.splitlines()
        chance.shuffle(lines)
        return "\n".join(lines)
    letters = list(text)
    for _ in range(chance.randrange(1, 40)):
        letters[chance.randrange(len(letters))] = chance.choice("{};\"'\\\n\x00 #!@$~é")
    return "".join(letters)


def test_an_instance_that_an_unread_include_may_hold_is_not_called_missing():
    """A pair whose configuration is split on one node is no pair with an instance on one node only."""
    for where in ("conf.d/vrrp.conf", "conf.d/*.conf"):
        trees = edited(KEEPALIVED, INSTANCE, "vrrp_instance VI_2 {")
        text = trees[0].files[KEEPALIVED].content
        moved = text[: text.index("vrrp_instance VI_2")] + f"include /etc/keepalived/{where}\n"
        trees[0] = replace(
            trees[0], files={**trees[0].files, KEEPALIVED: replace(trees[0].files[KEEPALIVED], content=moved)}
        )
        report = lint(trees, LAB)
        assert "P010" not in codes(report), where
        assert any("may be there" in each.hit.evidence for each in report.findings), where


def test_a_name_in_an_upstream_may_be_the_peers():
    assert "N006" not in codes(lint(edited(NGINX, "server 10.0.4.21:8080", "server peer.iam.internal:8080"), LAB))
    assert "N006" in codes(lint(edited(NGINX, "server 10.0.4.21:8080", "server localhost:8080"), LAB))
