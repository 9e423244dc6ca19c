"""Appending to ledgers as power failures, links and failing disks leave them."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from iamops.ledger.audit import Audit, LedgerError, head_file, read
from iamops.ledger.verify import ChainVerdict, verify
from tests.support.odd_ledgers import BODY, filled


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


LEFT_BY_POWER = {
    "half a record": lambda line: line[:40],
    "all but two bytes": lambda line: line[:-2],
    "blocks that were never filled": lambda line: b"\0" * len(line),
    "a first block that was never filled": lambda line: b"\0" * 40 + line[40:],
    "nothing but the end filled": lambda line: b"\0" * (len(line) - 1) + b"\n",
}


@pytest.mark.parametrize("left", LEFT_BY_POWER)
def test_what_a_power_failure_leaves_is_told_and_mended_by_the_next_record(ledger: Path, left: str):
    lines = filled(ledger, 3)
    ledger.write_bytes(b"".join(lines[:2]) + LEFT_BY_POWER[left](lines[2]))
    second = list(read(ledger))[1]
    head_file(ledger).write_text(f"2 {second.hash}\n")
    found = verify(ledger)
    assert (found.records, found.broken) == (2, None)
    assert found.notes == ("line 3 is unfinished: a write that was cut off; the next record will say so",)
    assert Audit(ledger).append("outcome", BODY).torn is not None
    assert verify(ledger) == ChainVerdict(3)


def test_a_record_that_lacks_only_the_end_of_its_line_is_one(ledger: Path):
    lines = filled(ledger, 3)
    second = list(read(ledger))[1]
    ledger.write_bytes(b"".join(lines)[:-1])
    head_file(ledger).write_text(f"2 {second.hash}\n")
    assert verify(ledger).broken is None
    assert verify(ledger).records == 3
    record = Audit(ledger).append("outcome", BODY)
    assert (record.n, record.torn) == (4, None)
    assert verify(ledger) == ChainVerdict(4)


def test_a_directory_that_had_to_be_made_is_on_disk_and_so_are_both_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    synced: list[str] = []
    real = os.fsync

    def fsync(file: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{file}"))
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    ledger = tmp_path / "a" / "b" / "audit.jsonl"
    Audit(ledger).append("intent", BODY)
    made = {str(tmp_path), str(tmp_path / "a")}
    files = {str(ledger), str(head_file(ledger).with_suffix(".new"))}
    assert made | files | {str(ledger.parent)} <= set(synced)


def test_a_link_and_another_users_ledger_take_no_record_and_are_told(ledger: Path, monkeypatch):
    filled(ledger, 1)
    link = ledger.with_name("link.jsonl")
    link.symlink_to(ledger)
    with pytest.raises(LedgerError, match="is a link; put the ledger itself"):
        Audit(link).append("intent", BODY)
    head_file(link).symlink_to(head_file(ledger))
    assert verify(link) == ChainVerdict(1, None, (f"{link} is a link: no action writes to a ledger through one",))
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    with pytest.raises(LedgerError, match=rf"belongs to another user \(uid {mine}\)"):
        Audit(ledger).check()
    assert verify(ledger).notes == (f"{ledger} belongs to another user (uid {mine})",)


@pytest.mark.parametrize("call", ["flock", "pread", "fsync"])
def test_a_disk_that_fails_is_a_refusal_and_leaves_the_chain(ledger: Path, monkeypatch, call: str):
    filled(ledger, 2)

    def fails(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(fcntl if call == "flock" else os, call, fails)
        with pytest.raises(LedgerError, match="Input/output error; look: ls -ld"):
            Audit(ledger).append("intent", BODY)
    assert verify(ledger) == ChainVerdict(2)
    Audit(ledger).append("intent", BODY)
    assert verify(ledger) == ChainVerdict(3)


@pytest.mark.parametrize("kind", ["fifo", "link", "file"])
def test_what_lies_where_the_side_file_is_prepared_is_not_written_into(ledger: Path, kind: str, tmp_path: Path):
    filled(ledger, 1)
    scratch, victim = head_file(ledger).with_suffix(".new"), tmp_path / "victim"
    victim.write_text("untouched")
    {"fifo": os.mkfifo, "link": lambda at: at.symlink_to(victim), "file": lambda at: os.link(victim, at)}[kind](
        scratch
    )
    Audit(ledger).append("intent", BODY)
    assert victim.read_text() == "untouched"
    assert verify(ledger) == ChainVerdict(2)
