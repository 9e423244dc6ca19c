"""No success before keepalived's check has had its say: it is asked, or given its time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from iamops.cli.acting import plan_lines
from iamops.model.events import FilesExamined, VrrpReported
from iamops.model.facts import VrrpReport, VrrpState
from iamops.model.state import ClusterState
from iamops.plan.action import Action, ConfigPush, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.checks import CheckPasses
from iamops.plan.config.change import FileChange, NodeFilesChange
from iamops.plan.expectation import VrrpIn
from iamops.plan.steps import Plan, StepKind
from tests.support.cluster_states import NOW, fed, files, healthy
from tests.support.profiles import pair

PROFILE = pair()
CHECK = PROFILE.instance.check
BY_PROFILE_S = CHECK.fall * CHECK.interval_s + CHECK.timeout_s
KNOWN = ("bash", "-c", "ask", "check_nginx.sh", "2")
RELOAD = ServiceAction(UnitVerb.RELOAD, "nginx", "iam-b")


def looked(**changes: Any) -> ClusterState:
    """The healthy pair; on iam-b another look at its files."""
    return fed(healthy(), [FilesExamined(NOW, "iam-b", replace(files(PROFILE, "iam-b"), **changes))])


def planned(action: Action, state: ClusterState) -> Plan:
    plan = plan_for(action, state, NOW + 1)
    assert plan.steps
    return plan


def watched_s(action: Action, state: ClusterState) -> float:
    plan = planned(action, state)
    assert plan.forecast is not None
    return plan.forecast.lasts_s


def in_fault(state: ClusterState) -> ClusterState:
    return fed(state, [VrrpReported(NOW, "iam-b", "VI_1", VrrpReport(VrrpState.FAULT, "json", 50, 50, NOW - 9))])


@pytest.mark.parametrize("verb", [UnitVerb.RELOAD, UnitVerb.RESTART])
def test_what_reads_other_files_is_watched_until_a_failing_check_would_be_a_fault(verb: UnitVerb):
    action = ServiceAction(verb, "nginx", "iam-b")
    assert watched_s(action, looked(current=frozenset())) == BY_PROFILE_S
    assert watched_s(action, looked(current=frozenset(), decides_s=40.0)) == 40.0
    assert watched_s(action, fed(healthy(), [FilesExamined(NOW, "iam-b", None, "no sudo")])) == BY_PROFILE_S


def test_what_reads_the_files_that_it_runs_with_is_not_waited_for():
    assert watched_s(RELOAD, looked()) == 1.0


def test_a_check_that_is_known_is_asked_instead_of_waited_for():
    state = looked(current=frozenset(), checks=(KNOWN,))
    for verb in (UnitVerb.RELOAD, UnitVerb.RESTART):
        action = ServiceAction(verb, "nginx", "iam-b")
        assert watched_s(action, state) == 1.0
        asked = [step for step in planned(action, state).steps if CheckPasses("iam-b", KNOWN) in step.expect]
        assert [step.kind for step in asked] == [StepKind.DO]


def test_a_node_that_is_in_fault_can_get_no_worse():
    state = in_fault(looked(current=frozenset(), checks=(KNOWN,)))
    plan = planned(RELOAD, state)
    assert watched_s(RELOAD, state) == 1.0
    assert not any(isinstance(each, CheckPasses) for step in plan.steps for each in step.expect)
    assert plan.watched == (VrrpIn("iam-a", "VI_1", (VrrpState.BACKUP, VrrpState.MASTER)),)


def test_a_reload_of_keepalived_gives_the_check_its_time_and_a_restart_begins_with_it():
    state = looked(current=frozenset(), checks=(KNOWN,))
    assert watched_s(ServiceAction(UnitVerb.RELOAD, "keepalived", "iam-b"), state) == BY_PROFILE_S
    assert watched_s(ServiceAction(UnitVerb.RESTART, "keepalived", "iam-b"), state) < BY_PROFILE_S
    assert watched_s(ServiceAction(UnitVerb.RELOAD, "keepalived", "iam-b"), looked()) < BY_PROFILE_S


def test_a_rolling_restart_does_not_go_on_before_the_check_had_its_time():
    plan = planned(RollingRestart("nginx"), looked(current=frozenset()))
    watches = [step for step in plan.steps if step.kind is StepKind.WATCH]
    assert [(step.node, step.lasts_s) for step in watches] == [("iam-b", BY_PROFILE_S)]
    assert plan.steps.index(watches[0]) < next(n for n, each in enumerate(plan.steps) if each.node == "iam-a")
    assert not [each for each in planned(RollingRestart("nginx"), looked()).steps if each.kind is StepKind.WATCH]


@pytest.mark.parametrize(
    ("action", "nodes"),
    [
        (RELOAD, ["iam-a", "iam-b"]),
        (ServiceAction(UnitVerb.RESTART, "keepalived", "iam-a"), ["iam-a", "iam-b"]),
        (ServiceAction(UnitVerb.STOP, "nginx", "iam-b"), ["iam-a"]),
        (ServiceAction(UnitVerb.STOP, "keepalived", "iam-a"), ["iam-b"]),
        (RollingRestart("nginx"), ["iam-a", "iam-b"]),
        (RollingRestart("iam-apiserver"), []),
        (ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-b"), []),
        (Switchover(), ["iam-a", "iam-b"]),
    ],
    ids=str,
)
def test_every_node_that_was_well_is_watched_but_the_one_that_is_stopped(action: Action, nodes: list[str]):
    assert [each.node for each in planned(action, looked()).watched if isinstance(each, VrrpIn)] == nodes


def push(path: str) -> ConfigPush:
    change = NodeFilesChange("iam-b", (FileChange(path, "old\n", "new\n"),), {path: "1" * 64})
    none = NodeFilesChange("iam-a", (), {})
    return ConfigPush("20261128T120000Z-abcdef", ("config", "push"), {"iam-a": none, "iam-b": change})


@pytest.mark.parametrize(
    ("path", "checks", "lasts_s"),
    [
        ("/etc/nginx/nginx.conf", (), BY_PROFILE_S),
        ("/etc/nginx/nginx.conf", (KNOWN,), 2.0),
        ("/etc/keepalived/keepalived.conf", (KNOWN,), BY_PROFILE_S),
        ("/etc/logrotate.d/keepalived-notify", (), 2.0),
    ],
)
def test_a_push_is_watched_as_long_as_the_check_needs(path: str, checks: tuple[Any, ...], lasts_s: float):
    plan = planned(push(path), looked(checks=checks))
    assert [step.lasts_s for step in plan.steps if step.kind is StepKind.WATCH] == [lasts_s]


def test_who_must_be_well_in_the_end_stands_in_the_plan():
    told = plan_lines(planned(Switchover(), healthy()))
    ending = [line for line in told if line.startswith("  in the end: ")]
    assert ending[0] == "  in the end: the VIP of VI_1 is on iam-b"
    assert [line for line in ending if "VI_1 on iam-b is" in line]
    assert len(ending) == len(set(ending))
