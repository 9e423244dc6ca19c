"""The ledger: nothing is lost, nothing is changed unnoticed, nothing is glued together."""

from __future__ import annotations

import bisect
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from iamops.ledger.audit import Audit, LedgerError, head_file, read
from iamops.ledger.record import FIRST, line_of
from iamops.ledger.verify import Break, ChainVerdict, verify

BODY = {"run": "r1", "who": "alice", "reason": "Änderung \x1b[31m", "steps": [{"took_s": 1.25}]}

BEHIND = "the side file ends with record 2: iamops was ended while it wrote record 3, or another hand wrote it"


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
    assert verify(ledger) == ChainVerdict(3)


def test_only_the_owner_can_read_it(ledger: Path):
    filled(ledger, 1)
    assert ledger.stat().st_mode & 0o777 == 0o600
    assert ledger.parent.stat().st_mode & 0o777 == 0o700


def test_no_ledger_is_an_empty_one(ledger: Path):
    assert verify(ledger) == ChainVerdict(0)
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
    assert verify(ledger) == ChainVerdict(3, None, (BEHIND,))
    Audit(ledger).append("outcome", BODY)
    assert verify(ledger) == ChainVerdict(4)


def test_a_true_record_by_a_hand_that_cannot_reach_the_side_file_is_told(ledger: Path):
    """What a crash leaves looks the same: it is a note. A second such record is a break."""
    filled(ledger, 2)
    for expected in (ChainVerdict(3, None, (BEHIND,)), None):
        last = list(read(ledger))[-1]
        line = line_of(last.n + 1, last.at, "outcome", last.hash, None, {"run": "r9"})
        ledger.write_bytes(ledger.read_bytes() + line)
        found = verify(ledger)
        assert found == expected or (expected is None and found.broken is not None)


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


def _tail_cut(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:4]))


def _last_replaced(path: Path) -> None:
    """By a record that is chained as it should be."""
    kept = head_file(path).read_text()
    _tail_cut(path)
    head_file(path).unlink()
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    last = list(read(path))[-1]
    head_file(path).write_text(f"{last.n} {last.hash}\n")
    for _ in range(3):
        Audit(path).append("outcome", {"run": "forged"})
    head_file(path).write_text(kept)


def _written(text: str) -> Callable[[Path], None]:
    return lambda path: void(head_file(path).write_text(text))


def _stale(path: Path) -> None:
    third = list(read(path))[2]
    head_file(path).write_text(f"{third.n} {third.hash}\n")


def _rolled_back(path: Path) -> None:
    """An older copy of both is put back, and written on by another hand that does not know of the newer one."""
    newer = path.read_bytes()
    _tail_cut(path)
    fourth = list(read(path))[-1]
    head_file(path).write_text(f"{fourth.n} {fourth.hash}\n")
    Audit(path).append("outcome", {"run": "the other hand"})
    path.write_bytes(newer + path.read_bytes().splitlines(keepends=True)[-1])


def _line_changed(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"who":"alice"', b'"who":"mally"', 1))


def _line_gone(path: Path) -> None:
    first, _, *others = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b"".join(others))


def void(_: object) -> None: ...


TAMPERED: dict[str, Callable[[Path], object]] = {
    "its end cut off": _tail_cut,
    "emptied": lambda path: path.write_bytes(b""),
    "removed, its side file not": lambda path: path.unlink(),
    "its side file removed": lambda path: head_file(path).unlink(),
    "its side file emptied": _written(""),
    "its side file without sense": _written("-5 abc\n"),
    "its side file of another ledger": _written(f"6 {'0' * 64}\n"),
    "its side file older": _stale,
    "its end replaced by a true chain": _last_replaced,
    "rolled back, and written on": _rolled_back,
    "a word changed": _line_changed,
    "a record taken out": _line_gone,
}


@pytest.mark.parametrize("way", TAMPERED)
def test_tampering_is_found_before_and_after_the_next_record(ledger: Path, way: str):
    filled(ledger, 6)
    TAMPERED[way](ledger)
    if ledger.exists():
        assert verify(ledger).broken is not None
    for _ in range(3):
        Audit(ledger).append("outcome", BODY)
    assert verify(ledger).broken is not None


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


def test_no_number_in_a_side_file_makes_a_verdict_fail(ledger: Path):
    filled(ledger, 2)
    for text in ("0 x", "2", "99999999999999999999 " + "a" * 64, "\x00", "2 " + "A" * 64, "² " + "a" * 64):
        head_file(ledger).write_text(text)
        assert verify(ledger).broken is not None, text
