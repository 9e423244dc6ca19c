"""What the lab shows of itself, and when it is ready."""

from __future__ import annotations

import json

import pytest

from iamops.lab.status import (
    LabStatus,
    NodeStatus,
    Readiness,
    UnitLine,
    disagreement,
    document,
    last_states,
    parse_units,
)

JOURNAL = """\
Starting keepalived.service - Keepalive Daemon (LVS and VRRP)...
Starting Keepalived v2.2.7 (01/16,2022)
VRRP_Script(check_nginx_VI_1) succeeded
(VI_1) Entering BACKUP STATE
(VI_1) Entering MASTER STATE
keepalived.service: Deactivated successfully.
"""

SHOW = """\
Id=ssh.service
ActiveState=active
SubState=running

Id=mongod.service
ActiveState=inactive
SubState=dead
"""

GOOD = Readiness("10.0.4.99", ("iam-a",), 200, ssh={"iam-a": True, "iam-b": True})


def test_it_is_ready_only_with_one_owner_an_answer_and_ssh():
    assert GOOD.holds
    assert GOOD.sentence == "VIP 10.0.4.99 answers 200 from iam-a"


@pytest.mark.parametrize(
    ("ready", "sentence"),
    [
        (Readiness("10.0.4.99", (), None), "on no node"),
        (Readiness("10.0.4.99", ("iam-a", "iam-b"), 200), "on iam-a and iam-b"),
        (Readiness("10.0.4.99", ("iam-a",), None, "timed out"), "does not answer: timed out"),
        (Readiness("10.0.4.99", ("iam-a",), 502, "HTTP 502"), "does not answer: HTTP 502"),
        (Readiness("10.0.4.99", ("iam-a",), 200, ssh={"iam-a": True, "iam-b": False}), "SSH greeting from iam-b"),
    ],
)
def test_what_is_missing_is_said(ready, sentence):
    assert not ready.holds
    assert sentence in ready.sentence


def test_the_last_state_entered_is_the_state():
    assert last_states(JOURNAL) == {"VI_1": "MASTER"}
    assert last_states("") == {}


@pytest.mark.parametrize(
    ("states", "agrees"),
    [
        (["MASTER", "BACKUP"], True),
        (["MASTER", "BACKUP", "BACKUP"], True),
        (["MASTER", "MASTER"], False),
        (["BACKUP", "BACKUP"], False),
        (["MASTER", "FAULT"], False),
    ],
)
def test_one_master_and_else_backups_is_agreement(states, agrees):
    by_node = {f"iam-{index}": {"VI_1": state} for index, state in enumerate(states)}
    assert (disagreement(by_node, "VI_1") is None) is agrees


def test_a_node_without_a_state_is_named():
    sentence = disagreement({"iam-a": {"VI_1": "MASTER"}, "iam-b": {}}, "VI_1")
    assert sentence == "VI_1: iam-a MASTER, iam-b no state"


def test_units_are_read_paragraph_by_paragraph():
    assert parse_units(SHOW) == (UnitLine("ssh", "active", "running"), UnitLine("mongod", "inactive", "dead"))


def test_the_status_document_tells_off_from_unknown():
    on = NodeStatus("on", 42, True, ("10.0.4.20", "10.0.4.99"), (UnitLine("ssh", "active", "running"),))
    status = LabStatus("10.0.4.99", ("iam-a",), {"iam-a": on, "iam-b": NodeStatus("off", None, False)})
    shown = json.loads(json.dumps(document(status, "lab")))
    assert shown["schema"] == "iamops.lab-status/1"
    assert shown["up"] is False
    assert shown["nodes"]["iam-a"]["units"] == {"ssh": {"active": "active", "sub": "running"}}
    assert shown["nodes"]["iam-b"]["units"] is None
    assert shown["nodes"]["iam-b"]["pid"] is None
