"""Checking a ledger's chain: whatever is changed, removed, repeated or cut off is found and named."""

from __future__ import annotations

import bisect
from collections.abc import Callable
from pathlib import Path

import pytest

from iamops.ledger.audit import Audit, head_file, read
from iamops.ledger.record import line_of
from iamops.ledger.verify import Break, ChainVerdict, verify
from tests.support.ledgers import BODY, filled

BEHIND = "the side file ends with record 2: iamops was ended while it wrote record 3, or another hand wrote it"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit.jsonl"


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


def test_no_number_in_a_side_file_makes_a_verdict_fail(ledger: Path):
    filled(ledger, 2)
    for text in ("0 x", "2", "99999999999999999999 " + "a" * 64, "\x00", "2 " + "A" * 64, "² " + "a" * 64):
        head_file(ledger).write_text(text)
        assert verify(ledger).broken is not None, text
