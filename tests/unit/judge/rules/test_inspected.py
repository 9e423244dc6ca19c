"""What an inspection says of a node: configuration, connections, files not loaded, disks, and lint."""

from __future__ import annotations

from dataclasses import replace

from iamops.judge.findings import Finding
from iamops.judge.lint.catalogue import CATALOGUE as LINT
from iamops.judge.lint.finding import Hit, LintFinding, LintReport
from iamops.model.config import DaemonCheck
from iamops.model.inspection import ErrorLogInspection, Filesystem
from iamops.model.observed import Unknown
from tests.support.cluster_states import NOW
from tests.support.looks import CONF, NGINX_CONF, NOTIFY, B, asked, blind, found, node_look, stamp, view


def test_an_invalid_nginx_configuration_is_told_by_nginx_itself():
    said = 'nginx: [emerg] unexpected "}" in /etc/nginx/conf.d/x.conf:3'
    at = view(b=node_look(B, checks=(DaemonCheck(B, "nginx", 1, said), DaemonCheck(B, "keepalived", 0, ""))))
    (finding,) = [each for each in asked("nginx-config-invalid", at) if isinstance(each, Finding)]
    assert finding.evidence[0].value == '/etc/nginx/conf.d/x.conf:3: unexpected "}"'
    assert "runs on" in finding.title


def test_without_the_right_to_test_it_nginx_is_not_called_valid():
    refused = DaemonCheck(B, "nginx", 1, "", "nginx -t may not be run (sudo: a password is required)")
    for checks, why in (((refused,), "sudo"), ((), "not asked")):
        assert why in blind(asked("nginx-config-invalid", view(b=node_look(B, checks=checks))))[0].because


def test_worker_connections_that_ran_out_are_said_for_five_minutes():
    fresh, old = ErrorLogInspection((NOW - 20,), (), "not enough", 1), ErrorLogInspection((NOW - 400,), (), "x", 1)
    code = "nginx-connections-exhausted"
    assert found(asked(code, view(b=node_look(B, nginx_errors=fresh)))) == [code]
    assert found(asked(code, view(b=node_look(B, nginx_errors=old)))) == []


def test_a_file_that_is_newer_than_what_runs():
    files = {path: stamp(path) for path in (NGINX_CONF, NOTIFY)} | {CONF: stamp(CONF, NOW - 100)}
    assert found(asked("config-not-loaded", view(b=node_look(B, files=files)))) == ["config-not-loaded"]
    unknown = view(b=replace(node_look(B, files=files), loaded=Unknown("ps: not found")))
    assert blind(asked("config-not-loaded", unknown))[0].because == "ps: not found"


def test_inodes_and_the_other_disks():
    disks = (Filesystem("/", 40.0, 96.0), Filesystem("/var/log", 93.0, 2.0))
    at = view(b=node_look(B, filesystems=disks))
    assert found(asked("inodes-exhausted", at)) == ["inodes-exhausted"]
    assert found(asked("disk-full", at)) == ["disk-full"]


def test_lint_speaks_with_its_own_codes_and_its_place():
    hit = Hit("N001", "`server 127.0.0.1:8080` lacks its `;`", B, "/etc/nginx/nginx.conf", 12)
    at = view(lint=LintReport((LintFinding(LINT["N001"], hit),)))
    (finding,) = [each for each in asked("lint", at) if isinstance(each, Finding)]
    assert (finding.code, finding.node, finding.next) == ("N001", B, "iamops config lint")
    assert finding.evidence[0].source == "/etc/nginx/nginx.conf:12"


def test_what_the_profile_silences_is_not_said():
    report = LintReport((LintFinding(LINT["K008"], Hit("K008", "fall 1", B), "meant"),))
    assert found(asked("lint", view(lint=report))) == []
