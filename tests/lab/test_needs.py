"""What a service needs is down, on the real pair: an action is refused or comes up, and nothing is lost by it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from iamops.lab.processes import wait_until
from iamops.lab.status import unserved
from tests.lab.acting import ActingLab, Done
from tests.lab.slices import sliced

A, B = "iam-a", "iam-b"
# The apiserver last: stopped and not let up again, it would be missed by the authz-server.
SERVICES = ("iam-authz-server", "iam-pump", "iam-apiserver")
# What is taken away, where, and which services would not come up without it.
DOWN = {
    "mariadb": (A, {"iam-apiserver"}),
    "redis": (A, {"iam-apiserver", "iam-authz-server"}),
    "mongodb": (A, set[str]()),
    "iam-apiserver": (B, {"iam-authz-server"}),
    "iam-authz-server": (B, set[str]()),
    "iam-pump": (B, set[str]()),
}
CASES = [
    (missing, service, verb) for missing, verb, service in itertools.product(DOWN, ("restart", "start"), SERVICES)
]
UNNEEDED = ("mongodb", "iam-pump")
INSIST = ("--override", "dependency-down", "--reason", "to see it fail")


@contextmanager
def down(lab: ActingLab, node: str, unit: str) -> Iterator[None]:
    lab.fault("stop-unit", node, unit)
    try:
        yield
    finally:
        lab.heal("stop-unit", node, unit)
        lab.must(B, ["systemctl", "start", *SERVICES])
        assert wait_until(lambda: not silent(lab), wait_s=20), silent(lab)


def silent(lab: ActingLab) -> tuple[str, ...]:
    """The services that do not answer, on either node."""
    return unserved(lab.profile, lab.paths)


def reasons(done: Done) -> dict[str, str]:
    return {denial["code"]: denial["reason"] for denial in done.document["denials"]}


@pytest.mark.parametrize("missing", sliced(DOWN, "iam-authz-server", "iam-pump"))
def test_what_cannot_come_up_is_refused_and_everything_else_comes_up(needing: ActingLab, missing: str):
    """`python -m tests.soak.needs` restarts and starts everything."""
    check_down(needing, missing, [case for case in CASES if case[0] == missing and in_the_slice(*case)])


def in_the_slice(missing: str, service: str, verb: str) -> bool:
    """What cannot come up and what was down itself, both ways; of the rest one restart, and one start of one."""
    concerned = {missing, *DOWN[missing][1]}
    bystander = next((each for each in SERVICES if each not in concerned), None)
    return service in concerned or (verb == "restart" and service == bystander) or (missing, service) == UNNEEDED


def check_down(lab: ActingLab, missing: str, cases: Iterable[tuple[str, str, str]]) -> None:
    """One thing is down: what needs it is refused and goes on serving, everything else comes up."""
    node, without = DOWN[missing]
    with down(lab, node, missing):
        for _, service, verb in cases:
            if verb == "start":
                lab.must(B, ["systemctl", "stop", service])
            before = silent(lab)
            done = lab.act(verb, service, B)
            after = silent(lab)
            if service in without:
                assert done.code == 3, (verb, service, done.out)
                assert "it would not come up on iam-b" in reasons(done)["dependency-down"]
                assert after == before, "nothing that served is lost"
            else:
                assert done.code == 0, (verb, service, done.out)
                assert set(after) == set(before) - {f"{service} on {B}"}
            if service == missing:
                lab.must(B, ["systemctl", "stop", service])


def test_a_rolling_restart_asks_on_every_node_and_touches_none(needing: ActingLab):
    with down(needing, A, "mariadb"):
        before = needing.footprint()
        done = needing.act("restart", "iam-apiserver", "--rolling")
        assert done.code == 3
        assert [each["node"] for each in done.document["denials"]] == [B, A]
        assert needing.footprint() == before


def test_who_insists_is_told_why_it_failed_by_the_service_itself(needing: ActingLab):
    with down(needing, A, "mariadb"):
        done = needing.act("restart", "iam-apiserver", B, *INSIST)
        assert done.code == 1
        said = done.document["sentence"]
        assert "iam-apiserver does not start: exit 1" in said
        assert "Failed to connect to mariadb at 10.0.4.20:3306" in said
        assert "goroutine" not in said
        assert any("Failed to connect to mariadb" in step["observed"] for step in done.document["steps"])
        assert "Failed to connect to mariadb" in needing.run("audit", "tail", "--json", "-n", "1").out
    with down(needing, B, "iam-apiserver"):
        done = needing.act("restart", "iam-authz-server", B, *INSIST)
        assert done.code == 1
        assert "Cannot connect to iam-apiserver:8081 at 127.0.0.1:8081" in done.document["sentence"]


def test_a_plan_names_who_falls(needing: ActingLab):
    plan = needing.run("stop", "iam-apiserver", B, "--dry-run").out
    assert "iam-authz-server on iam-b needs iam-apiserver:8081 and stops deciding for new secrets" in plan
    plan = needing.run("restart", "redis-server", A, "--dry-run").out
    assert "iam-pump on iam-a and iam-b needs redis and is idle" in plan


def test_the_last_backend_of_what_needs_it_is_not_stopped(needing: ActingLab):
    with down(needing, B, "iam-authz-server"):
        done = needing.act("stop", "iam-apiserver", A)
        assert done.code == 3
        assert "iam-authz-server on iam-a needs iam-apiserver:8081" in reasons(done)["last-backend"]


CRASHES = """\
[Unit]
StartLimitIntervalSec=0
[Service]
Type=simple
PIDFile=
ExecStartPre=
ExecStart=
ExecStart=/bin/sh -c 'echo reading files; echo "cannot lock the cache: taken" >&2; sleep 0.02; exit 7'
ExecReload=
ExecStop=
Restart=always
RestartSec=50ms
"""


@contextmanager
def crashing(lab: ActingLab, unit: str) -> Iterator[None]:
    """The unit on iam-b dies 20 ms after each start, and is started again at once."""
    path = f"/run/systemd/system/{unit}.service.d/crash.conf"
    lab.must(B, ["systemctl", "stop", unit])
    lab.must(
        B, ["sh", "-euc", f"mkdir -p $(dirname {path}); cat > {path}; systemctl daemon-reload"], stdin=CRASHES
    )
    try:
        yield
    finally:
        lab.must(B, ["sh", "-euc", f"rm {path}; systemctl daemon-reload; systemctl restart {unit}"])


@pytest.mark.parametrize("unit", ["nginx", "iam-pump"])
def test_a_unit_that_dies_after_each_start_has_not_started(needing: ActingLab, unit: str):
    """nginx that did not answer before is not asked to: only that it does not stay up gives it away."""
    with crashing(needing, unit):
        done = needing.act("start", unit, B)
        assert done.code == 1, done.out
        assert f"{unit} does not start: exit 7, " in done.document["sentence"]
        assert "times in" in done.document["sentence"]
        assert "cannot lock the cache: taken" in done.document["sentence"]


def test_a_healthy_restart_takes_about_a_second_more_than_its_health(needing: ActingLab):
    done = needing.act("restart", "iam-pump", B)
    assert done.code == 0
    (step,) = (step for step in done.document["steps"] if step["kind"] == "do")
    assert step["observed"].endswith("iam-pump on iam-b stays up")
