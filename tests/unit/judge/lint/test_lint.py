"""Lint: the guide's own files and one fixture for every rule; nothing on what we render; never a crash."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from iamops.judge.lint.catalogue import CATALOGUE
from iamops.judge.lint.finding import LintReport
from iamops.judge.lint.lint import lint
from iamops.model.config import ConfFile, ConfTree
from iamops.model.facts import Severity
from iamops.report.config import junit, lint_document, sarif
from iamops.session.config.directory import read_directory
from tests.support.lint_trees import (
    CHECK,
    FIXTURES,
    KEEPALIVED,
    LAB,
    NGINX,
    SEED,
    SERVER,
    codes,
    edited,
    on_both,
    rendered,
    shipped,
)

ROOT = Path(__file__).parents[4]
Case = Callable[[], LintReport]
VIP, INSTANCE = "    virtual_ipaddress {\n        10.0.4.99\n    }\n", "vrrp_instance VI_1 {"
PEER = "    unicast_peer {\n        10.0.4.21\n    }\n"


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
    assert {code for code, _, _ in at} >= {"N004", "K004", "K008", "K013", "K019", "N003", "N007"}
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


def conf(**files: str) -> ConfTree:
    paths = {"nginx": NGINX, "keepalived": KEEPALIVED, "check": CHECK}
    return ConfTree("iam-a", {paths[key]: ConfFile(paths[key], text) for key, text in files.items()})


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


@pytest.mark.parametrize("seed", range(40))
def test_the_guides_files_cut_and_spoiled_never_make_it_fail(seed: int):
    chance = random.Random(seed)
    trees = []
    for node in ("10.0.4.20", "10.0.4.21"):
        tree = read_directory(SEED / node)
        files = {
            path: replace(file, content=_spoiled_files(file.content, chance)) for path, file in tree.files.items()
        }
        trees.append(replace(tree, files=files))
    report = lint(trees, LAB)
    json.dumps([lint_document(report), sarif(report, "0")])
    ElementTree.fromstring(junit(report))  # noqa: S314 - our own text


def _spoiled_files(text: str, chance: random.Random) -> str:
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


def test_a_directory_named_after_the_nodes_address_is_that_node():
    wrong = edited(KEEPALIVED, "unicast_src_ip 10.0.4.20", "unicast_src_ip 10.0.4.30")
    trees = [replace(tree, name=LAB.nodes[tree.name].address) for tree in wrong]
    assert "K014" in codes(lint(trees, LAB))


def test_the_seed_fixture_holds_no_comment_of_the_guide():
    for path in Path(SEED).rglob("*.conf"):
        assert "#" not in path.read_text(), path
