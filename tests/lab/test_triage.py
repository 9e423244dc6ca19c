"""Triage on the real pair: what is broken is named, with its root first; what is healthy is left alone.

How long it takes is asked by itself, with nothing else on the machine: the other tests hold at any speed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bench.yardstick import slowness_beside
from tests.lab.acting import ActingLab, Done
from tests.lab.triage_cases import CASES, QUICK, codes_of, examined

HEALTHY_S = 3.0
TOO_LATE_S = 10.0
SILENT = [("power-off", "iam-b"), ("sshd-hang", "iam-b"), ("freeze", "iam-a")]


def test_no_rule_fires_on_a_healthy_pair(triage_lab: ActingLab) -> None:
    triage_lab.reset()  # what a test before it broke is still told a while
    done = triage_lab.run("triage", "--json", "--fail-on", "info")
    document = json.loads(done.out)
    assert (done.code, document["findings"], document["unlooked"]) == (0, [], {})


@pytest.mark.parametrize("code", QUICK)
def test_a_fault_is_named_by_its_rule_and_its_root_comes_first(triage_lab: ActingLab, code: str) -> None:
    case = next(case for case in CASES if case.code == code)
    triage_lab.reset()  # the evidence of a fault outlives it: journals and logs remember
    seen = examined(triage_lab, case)
    assert case.code in seen.all
    assert seen.roots[0] == case.first


def test_a_fault_ends_in_exit_code_1_and_the_floor_decides(triage_lab: ActingLab) -> None:
    triage_lab.fault("db-grant-revoked", "iam-b")
    seen = triage_lab.run("triage", "--json")
    assert (seen.code, codes_of(json.loads(seen.out)["findings"])[:1]) == (1, ["datastore-host-not-allowed"])
    assert triage_lab.run("triage", "--fail-on", "never").code == 0


def every(findings: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for finding in findings:
        yield finding
        yield from every(finding["explains"])


def test_an_operators_own_switchovers_are_no_alarm(triage_lab: ActingLab) -> None:
    triage_lab.reset()
    for taker in ("iam-b", "iam-a", "iam-b"):
        assert triage_lab.act("switchover", "--to", taker).code == 0
    done = triage_lab.run("triage", "--json", "--fail-on", "warning")
    (flapping,) = (each for each in every(json.loads(done.out)["findings"]) if each["code"] == "vip-flapping")
    assert (done.code, flapping["severity"]) == (0, "info")
    assert "moved 3 times in 10 minutes, 3 of them by iamops (" in flapping["title"]


def test_the_timeline_holds_what_was_done(triage_lab: ActingLab) -> None:
    triage_lab.must("iam-b", ["systemctl", "restart", "iam-pump"])
    document = json.loads(triage_lab.run("triage", "--json", "--since", "5m").out)
    assert any("iam-pump" in each["text"] and each["node"] == "iam-b" for each in document["timeline"])


# --- how long it takes, from the command's start to its end ---


def timed(lab: ActingLab) -> tuple[float, Done]:
    began = time.monotonic()
    done = lab.run("triage", "--json", "--fail-on", "never")
    return time.monotonic() - began, done


@pytest.mark.alone
def test_a_healthy_pair_is_answered_for_in_less_than_three_seconds(triage_lab: ActingLab) -> None:
    took_s, done = timed(triage_lab)
    document = json.loads(done.out)
    assert (document["findings"], document["unlooked"]) == ([], {})
    assert took_s < HEALTHY_S * slowness_beside()


@pytest.mark.alone
@pytest.mark.parametrize(("fault", "node"), SILENT)
def test_with_a_node_that_says_nothing_it_answers_in_time_and_tells_what_it_could_not_see(
    triage_lab: ActingLab, fault: str, node: str
) -> None:
    triage_lab.fault(fault, node)
    took_s, done = timed(triage_lab)
    document = json.loads(done.out)
    assert done.code == 0
    assert node in document["unlooked"]
    assert any(blind["node"] == node for blind in document["blind"])
    assert document["took_s"] < took_s < TOO_LATE_S
