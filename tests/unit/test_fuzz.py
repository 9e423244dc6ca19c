"""A short slice of the fuzzing (`make fuzz`): the same inputs every time, and all that was ever wrong."""

from __future__ import annotations

import warnings
from random import Random

import pytest

from tests.fuzz.campaign import specimens
from tests.fuzz.mutations import LONGEST, mutated
from tests.fuzz.targets import TARGETS
from tests.fuzz.trying import tried

INPUTS, SEED = 150, 20261128


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_a_reader_is_given_it_ends_in_time_as_it_documents(name: str):
    target, chance = TARGETS[name], Random(SEED)
    pool = [*target.seeds, *specimens(name)] or [b""]
    made = (mutated(chance, chance.choice(pool), pool, target.words) for _ in range(INPUTS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        faults = {fault: text[:80] for text in (*pool, *made) if (fault := tried(target, text).fault)}
    assert faults == {}


def test_the_fuzzer_sees_a_crash_and_a_hang():
    """What finds nothing must be able to find something."""
    from tests.fuzz.target import Target

    def crashes(raw: bytes) -> object:
        return {}["x"]

    def hangs(raw: bytes) -> object:
        while True:
            raw = raw[::-1]

    assert tried(Target("crash", crashes, ()), b"").fault.startswith("KeyError at ")
    assert tried(Target("hang", hangs, ()), b"").fault.startswith("more than 1 s")
    assert tried(Target("documented", crashes, (), (KeyError,)), b"").fault == ""


def test_mutations_are_bounded_and_the_same_for_the_same_seed():
    texts = [mutated(Random(seed), b"a = b\n" * 9000, [b"x" * LONGEST]) for seed in range(300)]
    assert max(map(len, texts)) <= LONGEST
    assert texts == [mutated(Random(seed), b"a = b\n" * 9000, [b"x" * LONGEST]) for seed in range(300)]
    assert len(set(texts)) > 200
