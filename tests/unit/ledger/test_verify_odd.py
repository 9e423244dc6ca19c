"""Ledgers as converters, other users and clocks leave them; and random tampering, always found."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from iamops.ledger.audit import Audit
from iamops.ledger.record import LAST_N
from iamops.ledger.verify import ChainVerdict, verify
from tests.support.odd_ledgers import BODY, filled


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def test_lines_that_somebody_put_there_are_no_power_failure(ledger: Path):
    lines = filled(ledger, 2)
    ledger.write_bytes(b"".join(lines) + b"a line\nand half of one")
    assert verify(ledger).broken is not None
    Audit(ledger).append("outcome", BODY)
    broken = verify(ledger).broken
    assert broken is not None
    assert (broken.line, broken.reason) == (3, "not a record")


def test_a_ledger_that_was_converted_to_crlf_is_told_and_goes_on(ledger: Path):
    lines = filled(ledger, 3)
    ledger.write_bytes(b"".join(lines).replace(b"\n", b"\r\n"))
    found = verify(ledger)
    assert (found.records, found.broken) == (3, None)
    assert found.notes[0].startswith("3 lines end with CR LF")
    Audit(ledger).append("outcome", BODY)
    assert verify(ledger).records == 4
    changed = ledger.read_bytes().replace(b'"alice"', b'"mally"', 1)
    ledger.write_bytes(changed)
    assert verify(ledger).broken is not None


def test_a_clock_that_was_set_back_breaks_nothing(ledger: Path):
    for at in (1_700_000_000.0, 1_600_000_000.0, 0.0, 1_800_000_000.0):
        Audit(ledger, lambda at=at: at).append("intent", BODY)
    assert verify(ledger) == ChainVerdict(4)


def test_a_reader_does_not_miss_what_is_being_written(ledger: Path):
    filled(ledger, 1)
    code = (
        "import sys; from pathlib import Path; from iamops.ledger.audit import Audit\n"
        "[Audit(Path(sys.argv[1])).append('intent', {'run': 'r'}) for _ in range(60)]"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(ledger)])
    while writer.poll() is None:
        found = verify(ledger)
        assert (found.broken, found.notes) == (None, ())
    assert writer.wait() == 0
    assert verify(ledger) == ChainVerdict(61)


def test_a_ledger_that_others_may_write_to_or_replace_is_told(ledger: Path):
    filled(ledger, 1)
    ledger.chmod(0o620)
    ledger.parent.chmod(0o770)
    here = (
        f"others may write to {ledger}: chmod 600 {ledger}",
        f"others may replace it: chmod 700 {ledger.parent}",
    )
    assert verify(ledger) == ChainVerdict(1, None, here)
    ledger.chmod(0o600)
    ledger.parent.chmod(0o1777)
    assert verify(ledger) == ChainVerdict(1)


HEAD = '"at":"x","kind":"outcome","prev":"","hash":"","schema":"iamops.audit/1"'

ODD: tuple[bytes, ...] = (
    f'{{"n":{"9" * 4300},{HEAD}}}'.encode(),
    f'{{"n":{"9" * 4301},{HEAD}}}'.encode(),
    f'{{"n":{LAST_N},{HEAD}}}'.encode(),
    f'{{"n":-5,{HEAD}}}'.encode(),
    f'{{"n":2,"n":3,{HEAD}}}'.encode(),
    f'{{"n":NaN,{HEAD}}}'.encode(),
    f'{{"n":2,"x":NaN,{HEAD}}}'.encode(),
    b"\xff\xfe{\x00}\x00",
    b"\xc3(",
    b"\xef\xbb\xbf{}",
    b"[" * 200_000,
    b'{"n":4,' * 50_000,
)


@pytest.mark.parametrize("line", ODD, ids=lambda line: repr(line[:20]))
def test_odd_json_is_a_break_before_and_after_the_next_record_and_stops_no_action(ledger: Path, line: bytes):
    filled(ledger, 3)
    ledger.write_bytes(ledger.read_bytes() + line + b"\n")
    assert verify(ledger).broken is not None
    for _ in range(2):
        Audit(ledger).append("outcome", BODY)
        broken = verify(ledger).broken
        assert broken is not None
        assert broken.line == 4


Lines = list[bytes]


def _swapped(lines: Lines, rng: random.Random) -> Lines:
    one, other = rng.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    return lines


def _edited(lines: Lines, rng: random.Random) -> Lines:
    at = rng.randrange(len(lines))
    line = lines[at]
    place = rng.randrange(len(line) - 1)
    lines[at] = line[:place] + bytes([line[place] ^ (1 << rng.randrange(7))]) + line[place + 1 :]
    return lines


def _doubled(lines: Lines, rng: random.Random) -> Lines:
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))
    return lines


def _removed(lines: Lines, rng: random.Random) -> Lines:
    del lines[rng.randrange(len(lines))]
    return lines


def _cut(lines: Lines, rng: random.Random) -> Lines:
    return lines[: rng.randrange(len(lines))]


def _put_in(lines: Lines, rng: random.Random) -> Lines:
    lines.insert(
        rng.randrange(len(lines) + 1), rng.choice((b"\n", b"{}\n", b"\xff\0\n", b"rubbish\n", b'{"n":1}\n'))
    )
    return lines


def _rewritten(lines: Lines, rng: random.Random) -> Lines:
    """A record with another word, and a hash that fits it: the next one does not follow it any more."""
    from iamops.ledger.record import canonical, hash_of

    at = rng.randrange(len(lines))
    raw = {**json.loads(lines[at]), "who": "mally"}
    lines[at] = canonical({**raw, "hash": hash_of(raw)}) + b"\n"
    return lines


WAYS: tuple[Callable[[Lines, random.Random], Lines], ...] = (
    _swapped,
    _edited,
    _doubled,
    _removed,
    _cut,
    _put_in,
    _rewritten,
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_random_tampering_is_found_before_and_after_the_next_record(tmp_path: Path, way):
    rng = random.Random(way.__name__)
    for round_ in range(15):
        ledger = tmp_path / f"{round_}.jsonl"
        lines = filled(ledger, rng.randint(2, 9))
        changed = b"".join(way(list(lines), rng))
        assert changed != b"".join(lines)
        ledger.write_bytes(changed)
        before = verify(ledger)
        assert before.broken is not None, changed
        Audit(ledger).append("outcome", BODY)
        after = verify(ledger)
        assert after.broken is not None, changed
        # Another last record is told by the record that the next one puts behind it.
        assert after.broken.line <= before.broken.line + 1
