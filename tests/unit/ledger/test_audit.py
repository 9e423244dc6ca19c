"""The ledger: nothing is lost, nothing is changed unnoticed, nothing is glued together."""

from __future__ import annotations

import bisect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from console.ledger.audit import Audit, LedgerError, read
from console.ledger.head import head_file
from console.ledger.record import FIRST
from console.ledger.verify import Break, Verdict, verify

BODY = {"run": "r1", "who": "alice", "reason": "Änderung \x1b[31m", "steps": [{"took_s": 1.25}]}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit.jsonl"


def filled(path: Path, count: int = 3) -> bytes:
    audit = Audit(path, lambda: 1_700_000_000.5)
    for _ in range(count):
        audit.append("intent", BODY)
    return path.read_bytes()


def test_records_are_numbered_dated_and_chained(ledger: Path):
    filled(ledger)
    records = list(read(ledger))
    assert [record.n for record in records] == [1, 2, 3]
    assert [record.prev for record in records] == [FIRST, records[0].hash, records[1].hash]
    assert records[0].at == "2023-11-14T22:13:20.500Z"
    assert records[0].raw["reason"] == BODY["reason"]
    assert verify(ledger) == Verdict(3)


def test_only_the_owner_can_read_it(ledger: Path):
    filled(ledger, 1)
    assert ledger.stat().st_mode & 0o777 == 0o600
    assert ledger.parent.stat().st_mode & 0o777 == 0o700


def test_no_ledger_is_an_empty_one(ledger: Path):
    assert verify(ledger) == Verdict(0)
    assert list(read(ledger)) == []


@pytest.mark.parametrize("change", [0x01, 0x20, 0x80])
def test_one_changed_byte_anywhere_is_found_with_its_record(ledger: Path, change: int):
    content = filled(ledger)
    ends = [place for place, byte in enumerate(content) if byte == ord("\n")]
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= change
        ledger.write_bytes(changed)
        broken = verify(ledger).broken
        assert broken is not None, f"byte {place} was changed and not found"
        assert broken.record == bisect.bisect_left(ends, place) + 1


def test_a_removed_or_repeated_record_is_found(ledger: Path):
    first, second, third = filled(ledger).splitlines(keepends=True)
    ledger.write_bytes(first + third)
    assert verify(ledger).broken == Break(2, 2, "it has number 3: records are missing before it")
    ledger.write_bytes(first + second + second + third)
    assert verify(ledger).broken == Break(3, 3, "it has number 2: records are missing before it")


def test_records_cut_off_at_the_end_are_missed(ledger: Path):
    content = filled(ledger)
    ledger.write_bytes(b"".join(content.splitlines(keepends=True)[:1]))
    assert verify(ledger).broken == Break(2, 2, "2 records are missing at the end")


def test_a_side_file_that_is_behind_by_a_crash_is_no_break(ledger: Path):
    filled(ledger, 2)
    behind = head_file(ledger).read_text()
    Audit(ledger).append("outcome", BODY)
    head_file(ledger).write_text(behind)
    assert verify(ledger) == Verdict(3)


def test_a_write_that_was_cut_off_is_kept_apart_and_told(ledger: Path):
    content = filled(ledger, 2)
    behind = f"1 {next(read(ledger)).hash}\n"
    head_file(ledger).write_text(behind)
    ledger.write_bytes(content[:-40])
    Audit(ledger).append("outcome", BODY)
    records = list(read(ledger))
    assert [record.n for record in records] == [1, 2]
    assert records[1].torn is not None
    assert verify(ledger) == Verdict(2)
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(lines[0] + lines[1][:-2] + b"x\n" + lines[2])
    assert verify(ledger).broken == Break(2, 3, "what stands before it is not what it was written behind")


def test_a_body_cannot_take_the_ledgers_own_keys(ledger: Path):
    with pytest.raises(ValueError, match="hash, n"):
        Audit(ledger).append("intent", {"n": 5, "hash": "x"})
    assert verify(ledger) == Verdict(0)


def test_processes_that_append_at_once_make_one_chain(ledger: Path):
    code = (
        "import sys; from pathlib import Path; from console.ledger.audit import Audit\n"
        "[Audit(Path(sys.argv[1])).append('intent', {'run': sys.argv[2]}) for _ in range(25)]"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(ledger), name]) for name in "abcd"]
    assert [process.wait(60) for process in running] == [0, 0, 0, 0]
    assert verify(ledger) == Verdict(100)


def test_a_full_disk_is_refused_before_anything_is_written(ledger: Path, monkeypatch: pytest.MonkeyPatch):
    content = filled(ledger, 1)
    real = os.fstatvfs

    def full(file: int) -> os.statvfs_result:
        values = list(real(file))
        values[4] = 3  # f_bavail
        return os.statvfs_result(values)

    monkeypatch.setattr(os, "fstatvfs", full)
    with pytest.raises(LedgerError, match="KiB are free on its disk; make room"):
        Audit(ledger).check_writable()
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
    assert verify(ledger) == Verdict(1)


def test_what_is_no_file_of_ours_is_refused(tmp_path: Path):
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("directory", "link"):
        with pytest.raises(LedgerError, match=name):
            Audit(tmp_path / name).check_writable()
    assert not (tmp_path / "elsewhere").exists()
