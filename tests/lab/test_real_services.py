"""What the real services do to a pair, done to the stand-ins: what is said of it, and what is not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.lab.acting import ActingLab
from tests.lab.daemon_faults import every_backend_given_up
from tests.lab.own import API, VIP
from tests.lab.triage_cases import codes_of, triage
from tests.lab.triage_faults import A, B
from tests.support.load import loading

Findings = list[dict[str, Any]]


def flat(findings: Findings) -> Findings:
    """Those that others explain, too."""
    return [found for each in findings for found in (each, *flat(each["explains"]))]


def until(lab: ActingLab, true: Callable[[Findings], bool], wait_s: float = 15.0) -> Findings:
    """What triage says as soon as it says that, or at last."""
    end = time.monotonic() + wait_s
    while True:
        findings: Findings = triage(lab)["findings"]
        if true(findings) or time.monotonic() > end:
            return findings


def test_the_requests_of_others_are_no_excuse_for_a_dead_backend(standins: ActingLab):
    standins.must(B, ["systemctl", "stop", "iam-apiserver"])
    with loading(VIP, API, namespace=standins.paths.operator_namespace, rate=40, path="/v1/users"):
        done = standins.run("balance", "--json")
    said = done.document["domains"][API]
    assert (done.code, said["even"], said["backends"][B]) == (1, False, 0), said
    assert said["verdict"].startswith("uneven"), said


def test_when_nginx_has_given_every_backend_up_its_own_words_are_the_root(triage_lab: ActingLab):
    """Both backends restart at once under load: for ten seconds nginx asks none, though both are well again."""
    triage_lab.reset()  # journals and logs remember the situation before
    with every_backend_given_up(triage_lab):
        findings = until(triage_lab, lambda each: codes_of(each)[:1] == ["no-live-upstreams"], 8.0)
    assert codes_of(findings)[:1] == ["no-live-upstreams"], findings
    others = {"proxy-fails", "requests-failing", "client-dark", "errors-since-move"}
    assert not {each["code"] for each in findings} & others, findings


def test_a_service_that_hangs_on_both_nodes_is_seen_by_the_client_too(triage_lab: ActingLab):
    for node in (A, B):
        triage_lab.fault("hang-unit", node, "iam-authz-server")
    findings = until(triage_lab, lambda each: {"service-unhealthy", "client-dark"} <= set(codes_of(each)))
    assert codes_of(findings)[0] == "service-unhealthy", findings
    assert "dark-outside" not in codes_of(findings), findings
    (dark,) = (each for each in flat(findings) if each["code"] == "client-dark")
    assert "iam.authz.marmotedu.com" in str(dark), dark


def test_ones_own_switchover_is_told_as_that(triage_lab: ActingLab):
    """It restarts keepalived where the VIP was. What became of the peer's before is not asked for."""
    owner = triage_lab.status().owners[0]
    done = triage_lab.act("switchover")
    assert done.code == 0, done.err
    findings = flat(triage(triage_lab)["findings"])
    told = [each for each in findings if (each["code"], each["node"]) == ("keepalived-restarted", owner)]
    assert [each["severity"] for each in told] == ["info"], findings
    assert "by iamops (switchover" in told[0]["title"], told
