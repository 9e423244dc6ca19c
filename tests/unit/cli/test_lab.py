"""`iamops lab` as a command line."""

from __future__ import annotations

import json

from iamops.lab.faults import catalogue
from iamops.lab.processes import ToolFailed
from iamops.lab.status import LabStatus, NodeStatus


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
