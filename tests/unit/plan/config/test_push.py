"""The steps of a push: files that only stay with their undo armed, and what well means after them."""

from __future__ import annotations

import pytest

from iamops.model.events import ClientProbed, UnitReported
from iamops.model.facts import ProbeOutcome, ProbeReport, UnitReport
from iamops.plan.config.change import FileChange, NodeFilesChange
from iamops.plan.config.push import (
    arm_back,
    check,
    client_well,
    main_process,
    nginx_well,
    reload_nginx,
    replace_files,
    stage,
    undo_name,
)
from iamops.plan.expectation import ClientAnswered, FreshWorkers, TimerArmed, UnitRuns
from iamops.plan.known import NotKnown
from iamops.plan.steps import StepKind
from tests.support.cluster_states import NOW, fed, healthy

A, B = "iam-a", "iam-b"
CONF_D = "/etc/nginx/conf.d"
CHANGE = NodeFilesChange(
    A,
    (
        FileChange("/etc/nginx/conf.d/a.conf", "old", "s3cr3tWord9"),
        FileChange("/etc/nginx/conf.d/b.conf", None, "b"),
    ),
)


def test_what_is_staged_is_named_and_its_content_is_never_shown():
    step = stage(CHANGE, "p1", "{}", healthy())
    assert step.title == "stage 2 files on iam-a: /etc/nginx/conf.d/a.conf, /etc/nginx/conf.d/b.conf"
    assert (step.kind, step.refuses, step.subject) == (StepKind.STAGE, "changed-meanwhile", "files")
    assert step.stdin
    assert "s3cr3tWord9" not in step.given


def test_a_configuration_that_a_daemon_refuses_changes_nothing():
    step = check(A, "the new files")
    assert (step.kind, step.refuses, step.subject) == (StepKind.LOOK, "config-invalid", "the new files")


def test_files_are_replaced_only_with_the_undo_armed_that_takes_them_back():
    armed, replaced = arm_back(CHANGE, "p1", healthy()), replace_files(CHANGE)
    assert armed.undo is not None
    assert armed.undo.name == undo_name(A) == replaced.requires_undo
    assert armed.undo.fires_s == healthy().profile.safety.rollback_s
    assert armed.undo.files is not None
    assert set(armed.undo.files.new) == {file.path for file in CHANGE.files}
    assert [type(each) for each in armed.expect] == [TimerArmed]


def test_a_reload_on_the_owner_is_seen_by_a_client_too():
    def asks_client(node: str) -> bool:
        return any(isinstance(each, ClientAnswered) for each in reload_nginx(node, healthy(), NOW + 1).expect)

    assert asks_client(A)
    assert not asks_client(B)
    assert reload_nginx(A, healthy(), NOW + 1).requires_undo == undo_name(A)


def test_a_client_that_was_not_answered_before_is_not_waited_for():
    dark = ClientProbed(NOW, "VI_1", ProbeReport(ProbeOutcome.TIMEOUT))
    assert client_well(healthy()) == (ClientAnswered("VI_1"),)
    assert client_well(fed(healthy(), [dark])) == ()


def test_an_nginx_that_runs_is_well_with_new_workers_and_one_that_does_not_has_none():
    expected = nginx_well(healthy(), A)
    assert expected[0] == UnitRuns(A, "nginx")
    assert FreshWorkers(A, "nginx", 400) in expected
    stopped = fed(healthy(), [UnitReported(NOW, A, "nginx", UnitReport("inactive"))])
    assert not [each for each in nginx_well(stopped, A) if isinstance(each, FreshWorkers)]


def test_without_its_main_process_the_workers_of_nginx_cannot_be_recognised():
    state = fed(healthy(), [UnitReported(NOW, A, "nginx", UnitReport("active", "running", 0))])
    assert main_process(healthy(), "nginx", A) == 400
    with pytest.raises(NotKnown, match="the main process of nginx on iam-a"):
        main_process(state, "nginx", A)
