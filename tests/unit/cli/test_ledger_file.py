"""A ledger that is named on the command line: what is no ledger is never told as an empty one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iamops.cli.main import main
from iamops.ledger.audit import Audit

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


@pytest.mark.parametrize("count", ["0", "-1", "x", "9" * 5000])
def test_a_count_that_would_show_nothing_is_refused_instead_of_no_records_yet(
    count: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "audit.jsonl"
    Audit(path).append("outcome", {"run": "r", "sentence": "x"})
    with pytest.raises(SystemExit) as end:
        main(["audit", "tail", f"-n{count}", "--file", str(path)])
    assert end.value.code == 2
    assert "expected 1 or more records" in capsys.readouterr().err


def test_a_broken_ledger_names_the_command_that_asks_the_nodes_about_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "audit.jsonl"
    Audit(path).append("outcome", {"run": "r", "sentence": "x"})
    path.write_bytes(path.read_bytes().replace(b'"r"', b'"s"'))
    code, text = said(capsys, "audit", "verify", "--file", str(path))
    assert code == 1
    assert text.splitlines()[-1] == f"what do the nodes remember? iamops audit verify --nodes --file {path}"
