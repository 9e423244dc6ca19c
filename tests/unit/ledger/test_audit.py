"""Appending to a ledger: numbered, dated and chained, and what a crash or a failing disk leaves."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from iamops.ledger.audit import Audit, LedgerError, head_file, read
from iamops.ledger.record import FIRST
from iamops.ledger.verify import Break, ChainVerdict, verify
from tests.support.ledgers import BODY, filled


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit.jsonl"


def test_records_are_numbered_dated_and_chained(ledger: Path):
    filled(ledger)
    records = list(read(ledger))
    assert [record.n for record in records] == [1, 2, 3]
    assert [record.prev for record in records] == [FIRST, records[0].hash, records[1].hash]
    assert records[0].at == "2023-11-14T22:13:20.500Z"
    assert records[0].raw["reason"] == BODY["reason"]
    assert verify(ledger) == ChainVerdict(3)


def test_only_the_owner_can_read_it(ledger: Path):
    filled(ledger, 1)
    assert ledger.stat().st_mode & 0o777 == 0o600
    assert ledger.parent.stat().st_mode & 0o777 == 0o700


def test_a_write_that_was_cut_off_is_kept_apart_and_told(ledger: Path):
    content = filled(ledger, 2)
    behind = f"1 {next(read(ledger)).hash}\n"
    head_file(ledger).write_text(behind)
    ledger.write_bytes(content[:-40])
    Audit(ledger).append("outcome", BODY)
    records = list(read(ledger))
    assert [record.n for record in records] == [1, 2]
    assert records[1].torn is not None
    assert verify(ledger) == ChainVerdict(2)
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(lines[0] + lines[1][:-2] + b"x\n" + lines[2])
    assert verify(ledger).broken == Break(2, 3, "what stands before it is not what it was written behind")


def test_a_body_cannot_take_the_ledgers_own_keys(ledger: Path):
    with pytest.raises(ValueError, match="hash, n"):
        Audit(ledger).append("intent", {"n": 5, "hash": "x"})
    assert verify(ledger) == ChainVerdict(0)


def test_processes_that_append_at_once_make_one_chain(ledger: Path):
    code = (
        "import sys; from pathlib import Path; from iamops.ledger.audit import Audit\n"
        "[Audit(Path(sys.argv[1])).append('intent', {'run': sys.argv[2]}) for _ in range(25)]"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(ledger), name]) for name in "abcd"]
    assert [process.wait(60) for process in running] == [0, 0, 0, 0]
    assert verify(ledger) == ChainVerdict(100)


def test_a_full_disk_is_refused_before_anything_is_written(ledger: Path, monkeypatch: pytest.MonkeyPatch):
    content = filled(ledger, 1)
    real = os.fstatvfs

    def full(file: int) -> os.statvfs_result:
        values = list(real(file))
        values[4] = 3  # f_bavail
        return os.statvfs_result(values)

    monkeypatch.setattr(os, "fstatvfs", full)
    with pytest.raises(LedgerError, match="KiB are free on its disk; make room"):
        Audit(ledger).check()
    with pytest.raises(LedgerError):
        Audit(ledger).append("intent", BODY)
    assert ledger.read_bytes() == content


def test_a_short_write_leaves_nothing_behind(ledger: Path, monkeypatch: pytest.MonkeyPatch):
    content = filled(ledger, 1)
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, line: real(file, line[:10]))
    with pytest.raises(LedgerError, match="no space left"):
        Audit(ledger).append("intent", BODY)
    monkeypatch.undo()
    assert ledger.read_bytes() == content
    assert verify(ledger) == ChainVerdict(1)


def test_what_is_no_file_of_ours_is_refused(tmp_path: Path):
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("directory", "link"):
        with pytest.raises(LedgerError, match=name):
            Audit(tmp_path / name).check()
    assert not (tmp_path / "elsewhere").exists()


def test_a_record_of_more_than_a_megabyte_is_one_like_others(ledger: Path):
    filled(ledger, 1)
    Audit(ledger).append("outcome", {"sentence": "x" * 3_000_000})
    Audit(ledger).append("outcome", BODY)
    assert verify(ledger) == ChainVerdict(3)


def test_a_lock_that_somebody_holds_is_not_waited_for_for_ever(ledger: Path, monkeypatch: pytest.MonkeyPatch):
    filled(ledger, 2)
    monkeypatch.setattr("iamops.ledger.audit.APPEND_WAIT_S", 0.05)
    with ledger.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(LedgerError, match="another process has held its lock"):
            Audit(ledger).check()
        with pytest.raises(LedgerError, match="another process has held its lock"):
            Audit(ledger).append("intent", BODY)
    Audit(ledger).append("intent", BODY)
    assert verify(ledger) == ChainVerdict(3)


def test_a_side_file_that_cannot_be_written_keeps_the_record_out_too(ledger: Path):
    filled(ledger, 2)
    head_file(ledger).with_suffix(".new").mkdir()
    with pytest.raises(LedgerError, match=r"audit\.new: Is a directory"):
        Audit(ledger).append("intent", BODY)
    assert verify(ledger) == ChainVerdict(2)
