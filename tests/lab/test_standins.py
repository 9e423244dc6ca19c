"""The stand-ins are what the real services are like, and iamops says what is so of them."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.lab.acting import ActingLab, raw_profile

API = "http://127.0.0.1:8080"
AUTHZ = "http://127.0.0.1:9090"


def asked(lab: ActingLab, node: str, url: str) -> int:
    """The status, asked on the node itself; 0 where there is none."""
    get = (
        "import sys, urllib.request as r, urllib.error as e\n"
        "try: print(r.urlopen(sys.argv[1], timeout=5).status)\n"
        "except e.HTTPError as x: print(x.code)\n"
        "except OSError: print(0)"
    )
    return int(lab.says(node, "python3", "-c", get, url))


def status(lab: ActingLab, profile: Any = None) -> dict[str, Any]:
    return lab.run("status", "--json", profile=profile).document


def found(document: dict[str, Any]) -> dict[str, str | None]:
    return {finding["code"]: finding.get("node") for finding in document["findings"]}


def test_an_expired_certificate_breaks_decisions_while_all_is_green_and_is_told(standins: ActingLab):
    lab = standins
    whole = status(lab)
    assert not any(code.startswith("certificate") for code in found(whole)), found(whole)
    assert whole["nodes"]["iam-b"]["certificates"]["8081"]["trusted"] is True
    assert asked(lab, "iam-b", f"{AUTHZ}/v1/authz/unknown") == 200
    lab.fault("certificate-expired", "iam-b")
    try:
        assert eventually(lambda: asked(lab, "iam-b", f"{AUTHZ}/healthz") == 200)
        seen = status(lab)
        assert asked(lab, "iam-b", f"{AUTHZ}/v1/authz/unknown") == 500
    finally:
        lab.heal("certificate-expired", "iam-b")
    told = [f for f in seen["findings"] if f["code"] == "certificate-expired"]
    (one,) = told
    assert one["node"] == "iam-b"
    assert "8081" in one["title"], one
    assert all(each["healthy"] for each in seen["nodes"]["iam-b"]["services"].values())
    assert eventually(lambda: "certificate-expired" not in found(status(lab)))


def test_a_certificate_for_others_or_of_nobody_is_told(standins: ActingLab):
    lab = standins
    for fault, code in (
        ("certificate-misnamed", "certificate-name"),
        ("certificate-strange", "certificate-untrusted"),
    ):
        lab.fault(fault, "iam-a")
        try:
            assert eventually(lambda: asked(lab, "iam-a", f"{AUTHZ}/healthz") == 200)
            assert found(status(lab)).get(code) == "iam-a"
        finally:
            lab.heal(fault, "iam-a")


def test_a_service_that_is_reached_over_tls_is_asked_over_tls(standins: ActingLab):
    lab = standins
    services = raw_profile(8, lab.paths)["services"]
    services["iam-apiserver"] |= {"port": 8443, "scheme": "https", "tls_ports": [8081], "domain": None}
    services["iam-apiserver"] |= {"tls_name": "iam.api.marmotedu.com"}
    profile = lab.write_profile("https.yaml", services=services)
    nodes = status(lab, profile)["nodes"]
    seen = {name: node["services"]["iam-apiserver"] for name, node in nodes.items()}
    assert all(each["healthy"] for each in seen.values()), seen
    assert seen["iam-a"]["from_peers"] == {"iam-b": True}
    services["iam-apiserver"]["tls_name"] = "elsewhere.example"
    wrong = status(lab, lab.write_profile("wrong.yaml", services=services))
    assert "certificate is refused" in json.dumps(wrong["nodes"]["iam-a"]["services"]["iam-apiserver"])


def test_the_dump_middleware_floods_the_journal_and_debug_lines_are_several_and_in_colour(standins: ActingLab):
    lab = standins
    unit, node = "iam-apiserver", "iam-b"
    lab.fault("request-dump", node, unit)
    try:
        assert eventually(lambda: asked(lab, node, f"{API}/v1/users/colin") == 200)
        before = journal_lines(lab, node, unit)
        for _ in range(4):
            asked(lab, node, f"{API}/v1/users/colin?token=invented")
        assert eventually(lambda: journal_lines(lab, node, unit) - before >= 4 * 50)
        assert "Invented-Passw0rd" in lab.says(node, "journalctl", "-u", unit, "-n", "300", "-o", "cat")
    finally:
        lab.heal("request-dump", node, unit)
    lab.fault("debug-log", node, unit)
    try:
        assert eventually(lambda: asked(lab, node, f"{API}/v1/users/colin") == 200)
        file, journal = (
            lab.says(node, *argv)
            for argv in (
                ("tail", "-n", "7", f"/var/log/iam/{unit}.log"),
                ("journalctl", "-u", unit, "-n", "40", "-o", "cat", "-a"),
            )
        )
        for text in (file, journal):
            assert "\t\x1b[34mINFO\x1b[0m\tiam-apiserver\tmiddleware/logger.go:135\t200 - [" in text, text
        assert "\n  WHERE name = 'colin'" in file
    finally:
        lab.heal("debug-log", node, unit)


def test_a_bad_value_is_started_for_ever_and_never_failed(standins: ActingLab):
    lab = standins
    unit, node = "iam-pump", "iam-b"
    lab.fault("service-misconfigured", node, unit)
    try:
        shown = ("systemctl", "show", "-p", "SubState", "--value", unit)
        assert eventually(lambda: lab.says(node, *shown) == "auto-restart")
        assert "Error: invalid argument '80a80'" in lab.says(
            node, "journalctl", "-u", unit, "-n", "20", "-o", "cat"
        )
        told = json.dumps([f for f in status(lab)["findings"] if f.get("node") == node])
        assert unit in told
    finally:
        lab.heal("service-misconfigured", node, unit)
    assert eventually(lambda: asked(lab, node, "http://127.0.0.1:7070/healthz") == 200)


def journal_lines(lab: ActingLab, node: str, unit: str) -> int:
    return int(lab.shell(node, f"journalctl -u {unit} -o cat | wc -l"))


def eventually(claim: Any, within_s: float = 15.0) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if claim():
            return True
        time.sleep(0.1)
    return bool(claim())
