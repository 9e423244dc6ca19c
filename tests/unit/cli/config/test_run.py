"""`iamops config` as text: what would change on which node, what was pushed, and what lint says."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamops.cli.config.run import diff_text, history_text
from iamops.cli.main import main
from iamops.model.exit_code import ExitCode
from iamops.parse.config_files import PushRecord
from iamops.plan.config.change import FileChange, NodeFilesChange
from tests.support.command_line import refused

CONF = "/etc/nginx/nginx.conf"
META = {"who": "alice@vm", "command": "config push", "reason": "new backend", "what": ["port 8081\x1b[31m"]}


def test_nodes_without_a_difference_are_one_line():
    assert list(diff_text({node: NodeFilesChange(node) for node in ("iam-a", "iam-b")})) == [
        "in sync: iam-a, iam-b"
    ]


def test_a_difference_is_told_in_words_and_as_a_diff_and_a_node_without_one_is_named():
    changed = NodeFilesChange("iam-b", (FileChange(CONF, "user a;\n", "user b;\n"),))
    text = [str(line) for line in diff_text({"iam-a": NodeFilesChange("iam-a"), "iam-b": changed})]
    assert text[0].startswith("* ")
    assert "* iam-a: in sync" in text
    assert "-user a;" in text
    assert "+user b;" in text
    assert text.index("* iam-a: in sync") < text.index("-user a;")


def test_a_secret_is_not_in_the_difference():
    change = FileChange("/etc/keepalived/keepalived.conf", "auth_pass old1\n", "auth_pass new1\n", secret=True)
    text = "\n".join(diff_text({"iam-a": NodeFilesChange("iam-a", (change,))}))
    assert "auth_pass (secret, new)" in text
    assert "old1" not in text
    assert "new1" not in text


def test_a_push_is_one_line_where_all_nodes_ended_alike_and_else_says_how_each_did():
    kept, back = PushRecord("p1", "confirmed", 1.0, META), PushRecord("p1", "taken back", 1.0, META)
    first, reason, what = history_text({"iam-a": (kept,), "iam-b": (kept,)})
    assert first == "p1  confirmed  alice@vm  config push  on iam-a, iam-b"
    assert reason == "    reason: new backend"
    assert what.startswith("    * port 8081")
    assert "\x1b" not in what
    assert next(history_text({"iam-a": (kept,), "iam-b": (back,)})).startswith(
        "p1  iam-a: confirmed, iam-b: taken back  "
    )


def test_the_newest_push_comes_first_and_none_is_said():
    records = tuple(PushRecord(name, "confirmed", None) for name in ("20260101T000000Z-a", "20260201T000000Z-b"))
    lines = list(history_text({"iam-a": records}))
    assert [line.split()[0] for line in lines] == ["20260201T000000Z-b", "20260101T000000Z-a"]
    assert list(history_text({"iam-a": ()})) == ["no pushes yet"]


def test_a_configuration_is_linted_without_a_profile_and_its_worst_decides_the_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "etc" / "nginx").mkdir(parents=True)
    (tmp_path / "etc" / "nginx" / "nginx.conf").write_text("events {}\nhttp {}\n")
    text = "vrrp_instance VI_1 {\n state MASTER\n virtual_router_id 51\n priority 100\n nopreempt\n}\n"
    (tmp_path / "etc" / "keepalived").mkdir()
    (tmp_path / "etc" / "keepalived" / "keepalived.conf").write_text(text)
    assert main(["config", "lint", "--fail-on", "info", str(tmp_path)]) == ExitCode.CHECK_FAILED
    worst, *_, counted = capsys.readouterr().out.splitlines()
    assert worst.startswith("WARNING ")
    assert counted.startswith(f"{tmp_path.name}: ")
    assert main(["config", "lint", "--fail-on", "critical", str(tmp_path)]) == ExitCode.OK


def test_a_node_that_the_profile_does_not_have_is_not_rendered(capsys: pytest.CaptureFixture[str]):
    assert "no node 'iam-z'; there are: iam-a, iam-b" in refused(
        capsys, "--profile", "lab", "config", "render", "--node", "iam-z"
    )
