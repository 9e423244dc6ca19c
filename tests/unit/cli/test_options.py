"""What several commands share: what a person types wrong is refused at once and told as what it is."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from iamops.cli.main import main
from iamops.ledger.audit import Audit
from iamops.plan.overridable import OVERRIDABLE
from tests.support.command_line import iamops, refused


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "x", "1e400", "0x10"])
@pytest.mark.parametrize("command", ["status", "triage"])
def test_a_time_limit_is_a_number_of_seconds(command: str, value: str, capsys: pytest.CaptureFixture[str]):
    assert "expected 0 to" in refused(capsys, "--profile", "lab", command, f"--timeout={value}")


DOCS = Path(__file__).parents[3] / "docs" / "acting.md"


@pytest.mark.parametrize("code", ["lokced", "locked", "not-armed@iam-a/nginx"])
def test_what_cannot_be_overridden_is_told_with_what_can(code: str):
    done = iamops("switchover", "--yes", "--reason", "x", "--override", code)
    assert done.returncode == 2
    assert f"--override {code.partition('@')[0]}: not among" in done.stderr
    assert "last-backend" in done.stderr


def test_the_documentation_names_exactly_the_codes_that_can_be_overridden():
    rows = [
        line.strip("|\n").split("|") for line in DOCS.read_text(encoding="utf-8").splitlines() if "| `" in line
    ]
    told = {code for row in rows if "yes" in row[-1] for code in re.findall(r"`([a-z-]+)`", row[0])}
    assert told == OVERRIDABLE


READERS = (("audit", "tail"), ("audit", "show", "x"), ("audit", "verify"), ("drill", "history"))


def said(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str]:
    code = main(list(argv))
    return code, "".join(capsys.readouterr())


@pytest.mark.parametrize("reader", READERS, ids=" ".join)
def test_what_is_no_ledger_is_a_usage_error_that_says_what_it_is(
    reader: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    missing = tmp_path / "missing"
    for path, why in ((missing, "no such ledger"), (tmp_path, "a directory"), (fifo, "a device, fifo or socket")):
        code, text = said(capsys, *reader, "--file", str(path))
        assert (code, text.startswith(f"iamops: {path}: {why}")) == (2, True), text
        assert "move it away" not in text


def test_a_ledger_without_a_readable_line_is_not_told_as_one_without_records(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"\x00garbage\n")
    assert said(capsys, "audit", "tail", "--file", str(path)) == (
        0,
        f"no line of {path} is a record; `iamops audit verify --file {path}` says what is wrong\n",
    )
    path.write_bytes(b"")
    assert said(capsys, "audit", "tail", "--file", str(path)) == (0, "no records yet\n")


def test_a_broken_ledger_names_the_command_that_asks_the_nodes_about_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "audit.jsonl"
    Audit(path).append("outcome", {"run": "r", "sentence": "x"})
    path.write_bytes(path.read_bytes().replace(b'"r"', b'"s"'))
    code, text = said(capsys, "audit", "verify", "--file", str(path))
    assert code == 1
    assert text.splitlines()[-1] == f"what do the nodes remember? iamops audit verify --nodes --file {path}"
