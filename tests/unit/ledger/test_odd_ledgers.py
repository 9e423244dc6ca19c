"""Ledgers as power failures, converters, other users and clocks leave them; and random tampering, always found."""

from __future__ import annotations

import errno
import fcntl
import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from iamops.ledger.audit import Audit, LedgerError, head_file, read
from iamops.ledger.record import DEEPEST, LARGEST_BYTES, LAST_N
from iamops.ledger.verify import ChainVerdict, verify

BODY = {"run": "r1", "who": "alice", "steps": [{"took_s": 1.25}]}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def filled(path: Path, count: int = 3) -> list[bytes]:
    audit = Audit(path, lambda: 1_700_000_000.5)
    for number in range(count):
        audit.append("intent", {**BODY, "run": f"r{number}"})
    return path.read_bytes().splitlines(keepends=True)


# --- what a power failure leaves ---

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


def test_lines_that_somebody_put_there_are_no_power_failure(ledger: Path):
    lines = filled(ledger, 2)
    ledger.write_bytes(b"".join(lines) + b"a line\nand half of one")
    assert verify(ledger).broken is not None
    Audit(ledger).append("outcome", BODY)
    broken = verify(ledger).broken
    assert broken is not None
    assert (broken.line, broken.reason) == (3, "not a record")


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


# --- what is odd and breaks nothing ---


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


# --- what is refused ---


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


# --- what a record may hold ---


def cycle(depth: int) -> object:
    return {"deeper": cycle(depth - 1)} if depth else "the end"


TOO_MUCH: dict[str, object] = {
    "one text": "x" * 3_000_000,
    "many texts": ["y" * 5000] * 1000,
    "many short texts": ["z"] * 2_000_000,
    "many keys": {f"k{n}": n for n in range(200_000)},
    "wide and deep": [[[["w" * 100] * 20] * 20] * 20] * 10,
}


@pytest.mark.parametrize("what", TOO_MUCH)
def test_a_record_that_is_too_large_is_cut_with_a_note_and_the_chain_goes_on(ledger: Path, what: str):
    filled(ledger, 1)
    record = Audit(ledger).append("outcome", {**BODY, "outcome": "succeeded", "plan": TOO_MUCH[what]})
    assert record.raw["cut"].startswith("the record had ")
    assert (record.run, record.raw["outcome"]) == ("r1", "succeeded")
    assert max(map(len, ledger.read_bytes().splitlines())) <= LARGEST_BYTES + 500
    Audit(ledger).append("outcome", BODY)
    assert verify(ledger) == ChainVerdict(3)


def test_what_json_does_not_know_is_written_as_words(ledger: Path):
    odd = {"gap": math.nan, "most": [math.inf], "deep": cycle(DEEPEST + 5), "lone": "\ud800", "path": Path("/x")}
    Audit(ledger).append("outcome", odd)

    def refuse(word: str) -> None:
        raise AssertionError(word)

    raw = json.loads(ledger.read_text(), parse_constant=refuse)
    assert (raw["gap"], raw["most"], raw["path"]) == ("nan", ["inf"], "/x")
    assert f"(nested deeper than {DEEPEST})" in ledger.read_text()
    assert verify(ledger) == ChainVerdict(1)


def _value(rng: random.Random, depth: int) -> object:
    kinds: tuple[Callable[[], object], ...] = (
        lambda: rng.choice((None, True, False, 0, -1, 10**18, -0.0, 1e16, 1e-7, 5e-324, math.nan, -math.inf)),
        lambda: rng.uniform(-1e9, 1e9),
        lambda: "".join(chr(rng.choice((9, 10, 13, 34, 92, 127, 233, 0x2028, 0xD800, 0x1F600))) for _ in range(9)),
        lambda: [_value(rng, depth + 1) for _ in range(rng.randrange(4))],
        lambda: {rng.choice('aä"\\\n\ud800'): _value(rng, depth + 1) for _ in range(rng.randrange(4))},
    )
    return rng.choice(kinds if depth < 5 else kinds[:3])()


def test_whatever_a_record_holds_is_read_back_as_it_was_written(ledger: Path):
    rng = random.Random("any body")
    for _ in range(150):
        Audit(ledger).append("outcome", {f"k{n}": _value(rng, 0) for n in range(5)})
    assert verify(ledger) == ChainVerdict(150)
    assert len(list(read(ledger))) == 150


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


# --- random tampering ---

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
