"""The document iamops.balance/1: what is uneven for sure, what cannot be told, and why."""

from __future__ import annotations

import json
from typing import Any

from iamops.model.exit_code import ExitCode
from iamops.model.facts import ProbeOutcome, ProbeReport
from iamops.model.traffic import AccessGain, Share
from iamops.report.balance import BalanceTest, balance_document, exit_code, telling_format
from tests.support.cluster_states import OK
from tests.support.profiles import pair

DOMAIN = "iam.api.marmotedu.com"
A, B = "10.0.4.20:8080", "10.0.4.21:8080"
FAILED = ProbeReport(ProbeOutcome.REFUSED, detail="port 80 refused")


def profile(**service: Any):
    services = {"iam-apiserver": {"port": 8080, "domain": DOMAIN, **service}}
    return pair(services=services, logs={"format": "iamops"})


def line(upstream: str) -> bytes:
    return (
        '10.0.4.30 - - [24/Nov/2026:18:29:57 +0000] "GET /healthz HTTP/1.1" 200 15 "-" "iamops-probe/1" "-" '
        f"host=h upstream={upstream} upstream_status=200 request_time=0 upstream_time=0 request_id=1"
    ).encode()


def document(a: int | None, b: int | None, *, good: int = 10, lines: tuple[bytes, ...] | None = None, **rest: Any):
    service = rest.pop("service", {})
    one = profile(**service)
    shares = {"iam-a": Share(a, reason="" if a is not None else "denied"), "iam-b": Share(b)}
    if lines is None:
        lines = tuple(line(A) for _ in range(a or 0)) + tuple(line(B) for _ in range(b or 0))
    test = BalanceTest(
        one.services["iam-apiserver"],
        [OK] * good + [FAILED] * (10 - good),
        shares,
        {"iam-a": AccessGain(lines), "iam-b": AccessGain(())},
        **rest,
    )
    return balance_document(one, 10, {DOMAIN: test}, {})


def test_a_split_in_halves_is_even():
    found = document(5, 5)
    assert (found["even"], exit_code(found)) == (True, ExitCode.OK)
    assert found["domains"][DOMAIN]["backends"] == {"iam-a": 5, "iam-b": 5}
    assert found["domains"][DOMAIN]["by_nginx"] == {A: 5, B: 5}
    assert json.loads(json.dumps(found)) == found


def test_a_backend_that_got_everything_makes_it_uneven():
    found = document(10, 0)
    assert (found["even"], exit_code(found)) == (False, ExitCode.CHECK_FAILED)


def test_a_log_that_could_not_be_read_is_null_with_its_reason():
    found = document(None, 5, lines=(line(B),) * 5)
    domain = found["domains"][DOMAIN]
    assert (domain["backends"]["iam-a"], domain["unread"]["iam-a"]) == (None, "denied")
    assert (found["even"], exit_code(found)) == (None, ExitCode.UNREACHABLE)


def test_a_request_that_failed_is_counted_by_how_it_did():
    found = document(4, 4, good=8)
    assert (found["domains"][DOMAIN]["failed"], found["domains"][DOMAIN]["failures"]) == (
        2,
        {"port 80 refused": 2},
    )
    assert exit_code(found) is ExitCode.CHECK_FAILED


def test_a_drained_backend_that_is_asked_is_certainly_uneven():
    found = document(5, 5, service={"drained": ["iam-b"]})
    assert found["domains"][DOMAIN]["verdict"] == "uneven: iam-b is drained and got 5 of 10 requests"


def test_a_backend_that_does_not_answer_is_certainly_uneven():
    found = document(10, 0, unanswering={"iam-b": "refuses connections"})
    assert found["domains"][DOMAIN]["verdict"] == "uneven: iam-b had none of 10 and refuses connections"


def test_a_nodes_loopback_is_the_node_itself():
    found = document(5, 5, lines=(line("127.0.0.1:8080"),) * 5 + (line(B),) * 5)
    assert found["domains"][DOMAIN]["by_nginx"] == {A: 5, B: 5}
    assert found["domains"][DOMAIN]["by_nginx_differs"] == ""


def test_where_nginx_says_something_else_both_are_told():
    found = document(5, 5, lines=(line(A),) * 6 + (line("10.0.4.77:8080"),) * 4)
    differs = found["domains"][DOMAIN]["by_nginx_differs"]
    assert "iam-a has 5 in its own log and 6 in nginx's" in differs
    assert "10.0.4.77:8080 is no backend of the profile, and was asked 4 x" in differs


def test_a_log_that_names_no_backend_tells_nothing_and_why():
    found = document(5, 5, lines=(b"GET / 200",) * 10)
    domain = found["domains"][DOMAIN]
    assert domain["by_nginx"] is None
    assert domain["by_nginx_unknown"].startswith("10 lines name no backend")


def test_only_a_format_with_the_upstream_tells_which_backend_was_asked():
    assert telling_format(profile())[1] == ""
    form, why = telling_format(pair(logs={"format": "main"}))
    assert form is None
    assert why
    form, why = telling_format(pair(logs={"format": "no variable at all"}))
    assert form is None
    assert why.startswith("logs.format: ")


def test_with_a_format_that_names_no_backend_nginx_tells_nothing():
    one = pair(services={"iam-apiserver": {"port": 8080, "domain": DOMAIN}}, logs={"format": "main"})
    test = BalanceTest(one.services["iam-apiserver"], [OK] * 10, {"iam-a": Share(5), "iam-b": Share(5)}, {})
    domain = balance_document(one, 10, {DOMAIN: test}, {})["domains"][DOMAIN]
    assert (domain["by_nginx"], domain["even"]) == (None, True)
    assert domain["by_nginx_unknown"] == telling_format(one)[1]
