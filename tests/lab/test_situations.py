"""Situations that only daemons can show: what triage says first on the real pair, and what it must not say."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from tests.lab.acting import ActingLab
from tests.lab.daemon_faults import STRANGER, a_stranger_wins, a_worker_dies, it_does_not_start, signalled
from tests.lab.slices import sliced
from tests.lab.triage_cases import codes_of, triage
from tests.lab.triage_faults import A, B, Break, done, fault


@dataclass(frozen=True)
class Situation:
    """What is done, what must come first, words of it, and what must not be said."""

    broken: Break
    first: str
    about: str = ""
    never: tuple[str, ...] = ()
    within_s: float = 15.0


SITUATIONS = {
    "a hung keepalived on the standby": Situation(signalled(B, "keepalived"), "keepalived-silent", "state T"),
    "a backend that hangs on the standby": Situation(
        fault(("hang-unit", B, "iam-apiserver")), "service-unhealthy", "", ("dark-outside",)
    ),
    "a stranger with our router id and password": Situation(a_stranger_wins, "stranger-router", STRANGER),
    "a service that does not start": Situation(it_does_not_start, "unit-down", "address already in use"),
    "a worker of nginx that dies": Situation(a_worker_dies, "nginx-worker-died", "signal 9"),
    "Redis is down": Situation(
        done(A, "systemctl stop redis-server", "systemctl start redis-server"), "unit-down", "no audit record"
    ),
}


@pytest.mark.parametrize("name", sliced(SITUATIONS, "Redis is down", "a worker of nginx that dies"))
def test_a_situation_is_told_by_its_cause(triage_lab: ActingLab, name: str) -> None:
    case = SITUATIONS[name]
    triage_lab.reset()  # journals and logs remember the situation before
    with case.broken(triage_lab):
        until = time.monotonic() + case.within_s
        while True:
            findings = triage(triage_lab)["findings"]
            told = findings[:1] and findings[0]["code"] == case.first and case.about in str(findings[0])
            assert not set(case.never) & set(codes_of(findings)), findings
            if told or time.monotonic() > until:
                break
    assert told, findings
