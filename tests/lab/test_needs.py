"""What a service needs is down, on the real pair: an action is refused or comes up, and nothing is lost by it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from console.lab.processes import wait_until
from console.lab.prove import unserved
from tests.lab.acting import ActingLab, Done

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
CASES = list(itertools.product(DOWN, SERVICES, ("start", "restart")))
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
    return unserved(lab.profile, lab.place)


def reasons(done: Done) -> dict[str, str]:
    return {denial["code"]: denial["reason"] for denial in done.document["denials"]}


@pytest.mark.parametrize("missing", DOWN)
def test_what_cannot_come_up_is_refused_and_everything_else_comes_up(serving: ActingLab, missing: str):
    node, without = DOWN[missing]
    refused = came_up = 0
    with down(serving, node, missing):
        for verb, service in itertools.product(("restart", "start"), SERVICES):
            if verb == "start":
                serving.must(B, ["systemctl", "stop", service])
            before = silent(serving)
            done = serving.act(verb, service, B)
            after = silent(serving)
            if service in without:
                assert done.code == 3, (verb, service, done.out)
                assert "it would not come up on iam-b" in reasons(done)["dependency-down"]
                assert after == before, "nothing that served is lost"
                refused += 1
            else:
                assert done.code == 0, (verb, service, done.out)
                assert set(after) == set(before) - {f"{service} on {B}"}
                came_up += 1
            if service == missing:
                serving.must(B, ["systemctl", "stop", service])
    assert refused == 2 * len(without)
    print(f"{missing} down: {refused} refused, {came_up} came up, of {len(CASES)} cases in all")


def test_a_rolling_restart_asks_on_every_node_and_touches_none(serving: ActingLab):
    with down(serving, A, "mariadb"):
        before = serving.footprint()
        done = serving.act("restart", "iam-apiserver", "--rolling")
        assert done.code == 3
        assert [each["node"] for each in done.document["denials"]] == [B, A]
        assert serving.footprint() == before


def test_who_insists_is_told_why_it_failed_by_the_service_itself(serving: ActingLab):
    with down(serving, A, "mariadb"):
        done = serving.act("restart", "iam-apiserver", B, *INSIST)
        assert done.code == 1
        said = done.document["sentence"]
        assert "iam-apiserver does not start: exit 1" in said
        assert "Failed to connect to mariadb at 10.0.4.20:3306" in said
        assert "goroutine" not in said
        assert any("Failed to connect to mariadb" in step["observed"] for step in done.document["steps"])
        assert "Failed to connect to mariadb" in serving.run("audit", "tail", "--json", "-n", "1").out
    with down(serving, B, "iam-apiserver"):
        done = serving.act("restart", "iam-authz-server", B, *INSIST)
        assert done.code == 1
        assert "Cannot connect to iam-apiserver:8081 at 127.0.0.1:8081" in done.document["sentence"]


def test_a_plan_names_who_falls(serving: ActingLab):
    plan = serving.run("stop", "iam-apiserver", B, "--dry-run").out
    assert "iam-authz-server on iam-b needs iam-apiserver:8081 and stops deciding for new secrets" in plan
    plan = serving.run("restart", "redis-server", A, "--dry-run").out
    assert "iam-pump on iam-a and iam-b needs redis and is idle" in plan


def test_the_last_backend_of_what_needs_it_is_not_stopped(serving: ActingLab):
    with down(serving, B, "iam-authz-server"):
        done = serving.act("stop", "iam-apiserver", A)
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
def test_a_unit_that_dies_after_each_start_has_not_started(serving: ActingLab, unit: str):
    """nginx that did not answer before is not asked to: only that it does not stay up gives it away."""
    with crashing(serving, unit):
        done = serving.act("start", unit, B)
        assert done.code == 1, done.out
        assert f"{unit} does not start: exit 7, " in done.document["sentence"]
        assert "times in" in done.document["sentence"]
        assert "cannot lock the cache: taken" in done.document["sentence"]


def test_a_healthy_restart_takes_about_a_second_more_than_its_health(serving: ActingLab):
    done = serving.act("restart", "iam-pump", B)
    assert done.code == 0
    (step,) = (step for step in done.document["steps"] if step["kind"] == "do")
    assert step["observed"].endswith("iam-pump on iam-b stays up")
