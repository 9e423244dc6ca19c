"""Lint for pipelines: JSON, SARIF and JUnit, with no password and nothing that breaks them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from junitparser import Failure, JUnitXml, Skipped

from iamops.judge.lint.finding import LintReport
from iamops.judge.lint.lint import lint
from iamops.model.config import ConfFile, DaemonCheck
from iamops.report.config import junit, lint_document, sarif
from tests.support.lint_trees import CHECK, FIXTURES, KEEPALIVED, LAB, NGINX, codes, edited, rendered, without

ROOT = Path(__file__).parents[3]
Case = Callable[[], LintReport]
VIP, INSTANCE = "    virtual_ipaddress {\n        10.0.4.99\n    }\n", "vrrp_instance VI_1 {"
PEER = "    unicast_peer {\n        10.0.4.21\n    }\n"


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
