"""`iamops audit`: runs as a person reads them, and a chain that is checked."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from iamops.cli.main import main
from iamops.ledger.audit import Audit

INTENT = {
    "run": "cafe0001",
    "profile": "lab",
    "action": "switchover",
    "who": "alice@laptop",
    "from": "local",
    "reason": "kernel \x1b[2Jupdate",
    "command": "iamops --profile lab switchover",
    "overrides": ["anti-flap"],
}
OUTCOME = {
    **INTENT,
    "outcome": "succeeded",
    "sentence": "VIP 10.0.4.99 is on iam-b",
    "steps": [{"stage": "done", "title": "stop keepalived on iam-a", "took_s": 1.2}],
    "client": {"longest_gap_ms": 10.4},
}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "audit.jsonl"
    audit = Audit(path, lambda: 1_700_000_000.0)
    audit.append("intent", INTENT)
    audit.append("outcome", OUTCOME)
    audit.append("intent", {**INTENT, "run": "cafe0002"})
    return path


def said(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str]:
    code = main(["audit", *argv])
    return code, capsys.readouterr().out


def test_tail_has_one_line_a_run_and_says_where_an_outcome_is_missing(ledger: Path, capsys):
    code, out = said(capsys, "tail", "--file", str(ledger))
    assert code == 0
    done, lost = out.splitlines()
    assert done.endswith("-> succeeded: VIP 10.0.4.99 is on iam-b")
    assert "alice@laptop from local: switchover" in done
    assert "cafe0002" in lost
    assert "no outcome recorded" in lost


def test_a_break_is_told_as_one_and_not_as_a_run_that_was_cut_off(ledger: Path, capsys):
    kept = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(kept[:-1]))
    assert (
        said(capsys, "verify", "--file", str(ledger))[1].splitlines()[0].endswith("1 record is missing at the end")
    )
    Audit(ledger, lambda: 1_700_000_000.0).append("outcome", {**OUTCOME, "run": "cafe0003"})
    _, out = said(capsys, "tail", "--file", str(ledger))
    at = "2023-11-14T22:13:20.000Z"
    broken = f"{at} THE CHAIN IS BROKEN before record 3: record 3 is missing; see `iamops audit verify`"
    assert out.splitlines()[1] == broken


def test_remote_words_reach_the_terminal_harmless(ledger: Path, capsys):
    for verb in (["tail"], ["show", "cafe0001"]):
        _, out = said(capsys, *verb, "--file", str(ledger))
        assert "\x1b" not in out
        assert "\\x1b" in out


def test_show_tells_everything_of_one_run(ledger: Path, capsys):
    code, out = said(capsys, "show", "cafe0001", "--file", str(ledger))
    assert code == 0
    assert "done (1.2 s) stop keepalived on iam-a" in out
    assert "overrides: anti-flap" in out
    assert "client: longest gap 10 ms" in out


def test_json_is_the_records_as_they_stand(ledger: Path, capsys):
    _, out = said(capsys, "tail", "-n", "2", "--json", "--file", str(ledger))
    assert [json.loads(line)["n"] for line in out.splitlines()] == [2, 3]


def test_verify_names_the_broken_record(ledger: Path, capsys):
    assert said(capsys, "verify", "--file", str(ledger)) == (0, "3 records, chain intact\n")
    ledger.write_bytes(ledger.read_bytes().replace(b"cafe0002", b"cafe0003"))
    code, out = said(capsys, "verify", "--file", str(ledger))
    assert code == 1
    assert out.startswith(f"{ledger}:3: record 3: its content does not fit its hash")


def test_what_a_break_says_reaches_the_terminal_harmless(ledger: Path, capsys):
    Audit(ledger).append("break", {"reason": "\x1b[2J\u202e" + "x" * 5000})
    code, out = said(capsys, "verify", "--file", str(ledger))
    assert code == 1
    assert out.startswith(f"{ledger}:4: record 4: when it was written: \\x1b[2J\\u202e")
    assert not any(ord(character) < 32 and character != "\n" for character in out)
    assert len(out) < 1000
    assert out.endswith(f"what do the nodes remember? iamops audit verify --nodes --file {ledger}\n")


def test_no_records_at_all_is_said_for_what_it_may_be(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    code, out = said(capsys, "verify")
    where = tmp_path / "iamops" / "audit.jsonl"
    assert (code, out) == (0, f"0 records in {where}: nothing was done yet, or all of it is gone\n")


def test_an_odd_end_is_a_note(ledger: Path, capsys):
    with ledger.open("ab") as file:
        file.write(b'{"cut o')
    code, out = said(capsys, "verify", "--file", str(ledger))
    note = "line 4 is unfinished: a write that was cut off; the next record will say so"
    assert (code, out) == (0, f"3 records, chain intact\nnote: {note}\n")
    assert json.loads(said(capsys, "verify", "--json", "--file", str(ledger))[1]) == {
        "schema": "iamops.audit-verify/1",
        "records": 3,
        "broken": None,
        "notes": [note],
    }


def test_a_ledger_that_is_not_there_is_a_usage_error(tmp_path: Path, capsys):
    assert said(capsys, "verify", "--file", str(tmp_path / "none"))[0] == 2
    assert said(capsys, "show", "cafe", "--file", str(tmp_path / "none"))[0] == 2


HEAD = '"at":"x","kind":"outcome","schema":"iamops.audit/1"'
ODD_LINES = (
    f'{{"n":1e999,"prev":"","hash":"",{HEAD}}}',
    f'{{"n":true,"prev":"","hash":"",{HEAD}}}',
    f'{{"n":2,"prev":"","hash":7,{HEAD}}}',
    f'{{"n":2,"prev":[],"hash":"",{HEAD}}}',
    f'{{"n":2,"prev":"","hash":"","torn":4,{HEAD}}}',
    '{"n":2}',
    "[1,2]",
    f'{{"n":2,"prev":"","hash":"","x":NaN,{HEAD}}}',
    "[" * 100_000,
)


@pytest.mark.parametrize("line", ODD_LINES)
def test_a_line_that_is_no_record_leaves_the_others_and_new_ones_readable(ledger: Path, line: str, capsys):
    ledger.write_bytes(ledger.read_bytes() + line.encode() + b"\n")
    assert said(capsys, "tail", "--file", str(ledger))[1].count("switchover") == 2
    assert said(capsys, "show", "cafe0001", "--file", str(ledger))[0] == 0
    assert "NaN" not in said(capsys, "tail", "--json", "--file", str(ledger))[1]
    assert said(capsys, "verify", "--file", str(ledger))[0] == 1
    assert main(["drill", "history", "--file", str(ledger)]) == 0
    assert Audit(ledger, lambda: 1_700_000_001.0).append("intent", INTENT).n == 4


@pytest.mark.parametrize("argv", [["tail"], ["show", "cafe0001"], ["verify"]])
def test_a_fifo_in_the_ledgers_place_is_refused_and_nobody_waits_for_it(tmp_path: Path, argv, monkeypatch, capsys):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "iamops").mkdir()
    os.mkfifo(tmp_path / "iamops" / "audit.jsonl")
    assert main(["audit", *argv]) == 2
    assert "audit.jsonl: is not a regular file; move it away" in capsys.readouterr().err
    assert main(["drill", "history"]) == 2
