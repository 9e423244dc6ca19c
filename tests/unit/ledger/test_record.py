"""One record: whatever it holds is read back as it was written, cut with a note where it is too large."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from iamops.ledger.audit import Audit, read
from iamops.ledger.record import DEEPEST, LARGEST_BYTES
from iamops.ledger.verify import ChainVerdict, verify
from tests.support.odd_ledgers import BODY, filled


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


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
