"""What the lab says: faults and their names, readiness, the status, the command line."""

from __future__ import annotations

import json

import pytest

from iamops.lab.faults import apply, catalogue
from iamops.lab.faults.apply import ActiveFault
from iamops.lab.processes import ToolFailed, UnknownFault
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


# --- faults ------------------------------------------------------------------------------------------


def test_an_unknown_fault_gets_the_nearest_name():
    with pytest.raises(UnknownFault) as refused:
        catalogue.find("nginx-hung")
    assert refused.value.next_step == "did you mean nginx-hang?"


def test_the_name_of_a_healing_means_the_fault_it_heals():
    fault, healing = catalogue.find("power-on")
    assert (fault.name, healing) == ("power-off", True)
    assert catalogue.find("power-off")[1] is False


def test_no_healing_is_named_like_a_fault():
    assert not set(catalogue.CATALOGUE) & {fault.heal_name for fault in catalogue.CATALOGUE.values()}


@pytest.mark.parametrize("fault", catalogue.CATALOGUE.values(), ids=lambda fault: fault.name)
def test_every_fault_is_one_sentence(fault):
    assert fault.summary.endswith(".")
    assert fault.summary.count(". ") == 0


@pytest.mark.parametrize(
    ("name", "node", "unit", "reason"),
    [
        ("cable", None, None, "needs a node"),
        ("stop-unit", "iam-a", None, "needs a unit"),
        ("cable", "iam-a", "nginx", "takes no unit"),
        ("vrrp-drop", "iam-a", None, "whole cluster"),
    ],
)
def test_a_fault_says_what_it_needs(name, node, unit, reason):
    with pytest.raises(UnknownFault, match=reason) as refused:
        catalogue.target(catalogue.CATALOGUE[name], node, unit)
    assert refused.value.next_step.startswith(f"iamops lab fault {name}")


def test_applied_faults_are_remembered_once_until_healed(tmp_path):
    path = tmp_path / "faults.json"
    assert apply.read(path) == ()
    for fault in (ActiveFault("vrrp-drop"), ActiveFault("cable", "iam-b"), ActiveFault("vrrp-drop")):
        apply.add(path, fault)
    assert [fault.sentence for fault in apply.read(path)] == ["cable iam-b", "vrrp-drop"]
    apply.remove(path, lambda fault: fault.node == "iam-b")
    assert [fault.sentence for fault in apply.read(path)] == ["vrrp-drop"]


# --- readiness ---------------------------------------------------------------------------------------

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


# --- status ------------------------------------------------------------------------------------------


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


# --- command line ------------------------------------------------------------------------------------


def run(argv: list[str], monkeypatch, capsys, **methods) -> tuple[int, str, str]:
    from iamops.cli.main import main
    from iamops.lab import lab, processes

    monkeypatch.setattr(processes, "check_machine", lambda: None)
    for name, method in methods.items():
        monkeypatch.setattr(lab.Lab, name, method)
    code = main(["lab", *argv])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_the_list_of_faults_needs_neither_root_nor_a_lab(monkeypatch, capsys):
    code, out, _ = run(["fault", "--list"], monkeypatch, capsys)
    assert code == 0
    assert all(
        f"{fault.name} {fault.scope}".rstrip() in out.splitlines() for fault in catalogue.CATALOGUE.values()
    )


def test_a_mistyped_fault_is_a_usage_error_with_a_hint(monkeypatch, capsys):
    code, out, err = run(["fault", "power-of", "iam-a"], monkeypatch, capsys)
    assert code == 2
    assert out == ""
    assert "did you mean power-off?" in err


def test_a_fault_without_a_name_is_a_usage_error(monkeypatch, capsys):
    assert run(["fault"], monkeypatch, capsys)[0] == 2


def test_exec_without_a_command_is_a_usage_error(monkeypatch, capsys):
    assert run(["exec", "iam-a", "--"], monkeypatch, capsys)[0] == 2


def test_a_failing_tool_is_told_with_the_next_step(monkeypatch, capsys):
    def fails(self, *_):
        raise ToolFailed("`ip` ended with 1: no", "iamops lab reset")

    code, out, err = run(["up"], monkeypatch, capsys, up=fails)
    assert (code, out) == (1, "")
    assert err == "iamops: `ip` ended with 1: no\nnext: iamops lab reset\n"


def test_status_of_a_lab_that_is_not_whole_ends_with_1(monkeypatch, capsys):
    down = LabStatus("10.0.4.99", (), {"iam-a": NodeStatus("off", None, False)}, ("power-off iam-a",))
    code, out, _ = run(["status"], monkeypatch, capsys, status=lambda self: down)
    assert code == 1
    assert out.splitlines() == ["VIP 10.0.4.99  on no node", "iam-a  power off", "fault  power-off iam-a"]
    code, out, _ = run(["status", "--json"], monkeypatch, capsys, status=lambda self: down)
    assert code == 1
    assert json.loads(out)["faults"] == ["power-off iam-a"]
