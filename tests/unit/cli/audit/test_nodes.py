"""`iamops audit verify --nodes`: what a bent ledger leaves in the journals is told, and who could not be asked."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from iamops.cli.main import main
from iamops.ledger.audit import Audit, anchor, head_file, read
from iamops.model.journal import anchor_of, noted
from iamops.nodes.transport import CommandResult, TransportError, Unreachable
from iamops.session.triage import timeline as session

Lines = dict[str, list[bytes]]


class Journal:
    """A connection that answers with a journal."""

    def __init__(self, node: str, said: bytes) -> None:
        self.node, self._said = node, said

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        assert "journalctl" in argv[2]
        return CommandResult(tuple(argv), 0, self._said, b"")


class Nodes:
    """Two journals that remember; a node in `dark` cannot be reached."""

    def __init__(self) -> None:
        self.lines: Lines = {"iam-a": [], "iam-b": []}
        self.dark: set[str] = set()

    def hear(self, message: str, *nodes: str, at: int = 1_700_000_000) -> None:
        said = {"MESSAGE": message, "_UID": "1000", "_SOURCE_REALTIME_TIMESTAMP": f"{at}000000"}
        for node in nodes or tuple(self.lines):
            self.lines[node].append(json.dumps(said).encode())

    @contextlib.asynccontextmanager
    async def attempts(self, profile: object) -> AsyncIterator[Mapping[str, Journal | TransportError]]:
        yield {
            name: Unreachable(name, "no route to it", "look")
            if name in self.dark
            else Journal(name, b"".join(line + b"\n" for line in lines) + b"left out 0 0\n")
            for name, lines in self.lines.items()
        }


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Nodes:
    made = Nodes()
    monkeypatch.setattr(session, "connection_attempts", made.attempts)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return made


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "iamops" / "audit.jsonl"


def act(ledger: Path, nodes: Nodes, run: str, *on: str) -> None:
    """As the engine does: each record, then its line."""
    for kind, word in (("intent", "begins"), ("outcome", "succeeded")):
        record = Audit(ledger).append(kind, {"run": run})
        nodes.hear(noted(run, anchor(ledger, record), f"restart {word} by alice@laptop from local"), *on)


def cut(ledger: Path, keep: int) -> None:
    """The ledger and its side file, so that they fit."""
    lines = ledger.read_bytes().splitlines(keepends=True)[:keep]
    ledger.write_bytes(b"".join(lines))
    last = list(read(ledger))[-1]
    head_file(ledger).write_text(f"{last.n} {last.hash}\n")


def verified(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, list[str]]:
    code = main(["--profile", "lab", "audit", "verify", "--nodes", *more])
    return code, capsys.readouterr().out.splitlines()


def document(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, Any]:
    code, lines = verified(capsys, "--json", *more)
    return code, json.loads(lines[0])


def test_a_ledger_that_both_nodes_remember_is_as_it_was(ledger: Path, nodes: Nodes, capsys):
    act(ledger, nodes, "cafe0001", "iam-a")
    act(ledger, nodes, "cafe0002")
    Audit(ledger).append("drill", {"run": "cafe0002"})
    assert verified(capsys) == (
        0,
        [
            "5 records, chain intact",
            "iam-a: 4 lines of this ledger, and each record is as it was",
            "iam-b: 2 lines of this ledger, and each record is as it was",
            "up to record 4 the ledger is what the nodes remember (6 lines)",
            "records after 4 are vouched for by this machine alone",
        ],
    )
    code, found = document(capsys)
    assert (code, found["schema"], found["records"]) == (0, "iamops.audit-verify/1", 5)
    assert found["ledger"] == next(read(ledger)).hash[:16]
    assert found["nodes"]["iam-a"] == {
        "read": True,
        "notes": [],
        "lines": 4,
        "matched": 4,
        "proven": {"n": 4, "at": "2023-11-14T22:13:20Z"},
        "unfit": [],
        "others": [],
    }


def test_a_ledger_cut_with_its_side_file_is_found_before_and_after_the_next_records(
    ledger: Path, nodes: Nodes, capsys
):
    act(ledger, nodes, "cafe0001")
    act(ledger, nodes, "cafe0002", "iam-b")
    cut(ledger, 2)
    assert main(["audit", "verify"]) == 0
    capsys.readouterr()
    code, lines = verified(capsys)
    assert code == 1
    told = "had been written, and the ledger ends with record 2 (run cafe0002, written by uid 1000)"
    assert f"iam-b: 2023-11-14T22:13:20Z: record 4 {told}" in lines
    assert "iam-a: 2 lines of this ledger, and each record is as it was" in lines
    act(ledger, nodes, "cafe0003", "iam-a")
    code, found = document(capsys)
    assert (code, found["broken"]) == (1, None)
    unfit = found["nodes"]["iam-b"]["unfit"]
    assert [(each["kind"], each["n"], each["run"]) for each in unfit] == [
        ("differs", 3, "cafe0002"),
        ("differs", 4, "cafe0002"),
    ]
    assert unfit[0]["by"] == "alice@laptop"


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_ledger_removed_with_its_side_file_is_found(ledger: Path, nodes: Nodes, capsys, goes_on: bool):
    act(ledger, nodes, "cafe0001")
    for each in (ledger, head_file(ledger)):
        each.unlink()
    if goes_on:
        act(ledger, nodes, "cafe0002")
    code, found = document(capsys)
    assert code == 1
    assert {each["kind"] for each in found["nodes"]["iam-a"]["unfit"]} == {"replaced"}


@pytest.mark.parametrize("linked", ["iamops", "."])
def test_a_directory_above_that_became_a_link_to_another_ledger_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nodes: Nodes, capsys, linked: str
):
    """Both ledgers are whole; only the name of the place leads elsewhere."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    ledger = tmp_path / "state" / "iamops" / "audit.jsonl"
    act(ledger, nodes, "cafe0001")
    assert verified(capsys)[0] == 0
    swapped = tmp_path / "state" / linked
    swapped.rename(tmp_path / "hidden")
    (tmp_path / "elsewhere").mkdir()
    swapped.symlink_to(tmp_path / "elsewhere")
    Audit(ledger).append("intent", {"run": "cafe0002"})
    code, found = document(capsys)
    assert (code, found["broken"]) == (1, None)
    assert {each["kind"] for each in found["nodes"]["iam-a"]["unfit"]} == {"replaced"}


def test_a_directory_that_was_a_link_from_the_beginning_is_the_place_it_leads_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nodes: Nodes, capsys
):
    (tmp_path / "disk").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "disk")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    act(tmp_path / "state" / "iamops" / "audit.jsonl", nodes, "cafe0001")
    assert verified(capsys)[0] == 0
    assert verified(capsys, "--file", str(tmp_path / "disk" / "iamops" / "audit.jsonl"))[0] == 0


def test_a_ledger_that_was_moved_away_is_named_and_compared(ledger: Path, nodes: Nodes, capsys):
    act(ledger, nodes, "cafe0001")
    away = ledger.with_name("2023.jsonl")
    ledger.rename(away)
    head_file(ledger).rename(head_file(away))
    act(ledger, nodes, "cafe0002")
    code, lines = verified(capsys)
    assert code == 1
    assert "if you moved that ledger away yourself, name it: --earlier PATH" in lines
    assert verified(capsys, "--earlier", str(away))[0] == 0
    assert verified(capsys, "--file", str(away))[0] == 0
    cut(away, 1)
    assert verified(capsys, "--earlier", str(away))[0] == 1
    assert main(["audit", "verify", "--earlier", str(away)]) == 2
    assert verified(capsys, "--earlier", str(ledger.with_name("none")))[0] == 2


def test_other_operators_are_counted_and_named(ledger: Path, nodes: Nodes, capsys):
    act(ledger, nodes, "cafe0001")
    other = anchor_of("b" * 64, 41, "c" * 64, "d" * 12)
    nodes.hear(noted("beef", other, "stop begins by bob@desk from 10.0.4.9"), "iam-b")
    code, lines = verified(capsys)
    assert code == 0
    span = "2023-11-14T22:13:20Z to 2023-11-14T22:13:20Z"
    assert f"iam-b: 1 line of ledger {'b' * 16} by bob@desk, {span}: another ledger, not compared" in lines


def test_a_node_that_cannot_be_read_is_named_and_4_is_for_none_at_all(ledger: Path, nodes: Nodes, capsys):
    act(ledger, nodes, "cafe0001")
    nodes.dark = {"iam-b"}
    code, lines = verified(capsys)
    assert code == 0
    assert "iam-b: its journal was not read: no route to it" in lines
    assert document(capsys)[1]["nodes"]["iam-b"] == {"read": False, "reason": "no route to it"}
    nodes.dark = {"iam-a", "iam-b"}
    code, lines = verified(capsys)
    assert (code, lines[-1]) == (4, "nothing was compared with the nodes")
    ledger.write_bytes(ledger.read_bytes().replace(b"cafe0001", b"cafe0002"))
    assert verified(capsys)[0] == 1


def test_journals_without_a_line_of_this_ledger_prove_nothing_and_that_is_said(ledger: Path, nodes: Nodes, capsys):
    Audit(ledger).append("intent", {"run": "before there were anchors"})
    code, lines = verified(capsys)
    assert code == 0
    assert "iam-a: no line of this ledger" in lines
    assert lines[-1] == "no line of this ledger is in what was read: nothing was compared with the nodes"


def test_a_line_of_a_hostile_writer_reaches_the_terminal_harmless(ledger: Path, nodes: Nodes, capsys):
    act(ledger, nodes, "cafe0001")
    forged = anchor_of(next(read(ledger)).hash, 900, "f" * 64, "d" * 12)
    nodes.hear(noted("beef", forged, "x by \x1b[2J\u202eeve from y"), "iam-a", at=99_999_999_999)
    code, lines = verified(capsys)
    assert code == 1
    assert not any("\x1b" in line or "\u202e" in line for line in lines)
    assert any("record 900 had been written" in line for line in lines)
