"""A property: whatever is done to a profile, it is valid or it says where it is not. Never a traceback."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from iamops.parse.profile.loader import ProfileError, parse_profile
from iamops.parse.yaml_tree import Problem

PROFILES = [path.read_text() for path in sorted((Path(__file__).parents[3] / "profiles").glob("*.yaml"))]
GARBAGE = [
    "",
    "~",
    "[]",
    "{}",
    "-1",
    "1e999",
    "yes",
    "0x1F",
    "2026-11-23",
    "!!python/object:os.system x",
    "\u202e",
]
GARBAGE += ["&a", "*a", "'", '"', "|", ">", "%", "@", "`", "\t", "\x00", "\ud800", "1:30", ".nan", "<<: x", "? y"]
CASES = 1000

Breaker = Callable[[random.Random, list[str]], list[str]]


def delete_a_line(rng: random.Random, lines: list[str]) -> list[str]:
    at = rng.randrange(len(lines))
    return lines[:at] + lines[at + 1 :] or [""]


def repeat_a_line(rng: random.Random, lines: list[str]) -> list[str]:
    at = rng.randrange(len(lines))
    return [*lines[: at + 1], *lines[at:]]


def swap_two_lines(rng: random.Random, lines: list[str]) -> list[str]:
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return lines


def indent_a_line(rng: random.Random, lines: list[str]) -> list[str]:
    at = rng.randrange(len(lines))
    lines[at] = " " * rng.randrange(1, 5) + lines[at].lstrip(" ")
    return lines


def misspell_a_key(rng: random.Random, lines: list[str]) -> list[str]:
    at = rng.choice([i for i, line in enumerate(lines) if ":" in line] or [0])
    word = rng.choice(re.findall(r"\w+(?=:)", lines[at]) or ["x"])
    cut = rng.randrange(len(word))
    lines[at] = lines[at].replace(word, word[:cut] + rng.choice("xyz_") + word[cut + 1 :], 1)
    return lines


def replace_a_value(rng: random.Random, lines: list[str]) -> list[str]:
    at = rng.choice([i for i, line in enumerate(lines) if ": " in line] or [0])
    lines[at] = re.sub(r": [^,}]*", lambda _: f": {rng.choice(GARBAGE)}", lines[at], count=1)
    return lines


def insert_garbage(rng: random.Random, lines: list[str]) -> list[str]:
    at = rng.randrange(len(lines))
    cut = rng.randrange(len(lines[at]) + 1)
    lines[at] = lines[at][:cut] + rng.choice(GARBAGE) + lines[at][cut:]
    return lines


def truncate(rng: random.Random, lines: list[str]) -> list[str]:
    text = "\n".join(lines)
    return text[: rng.randrange(len(text) + 1)].split("\n")


def random_bytes(rng: random.Random, _lines: list[str]) -> list[str]:
    return rng.randbytes(rng.randrange(1, 300)).decode("utf-8", "replace").split("\n")


BREAKERS: list[Breaker] = [
    delete_a_line,
    repeat_a_line,
    swap_two_lines,
    indent_a_line,
    misspell_a_key,
    replace_a_value,
    replace_a_value,
    insert_garbage,
    truncate,
    random_bytes,
]


def broken(seed: int) -> str:
    rng = random.Random(seed)
    lines = rng.choice(PROFILES).split("\n")
    for _ in range(rng.randrange(1, 4)):
        lines = rng.choice(BREAKERS)(rng, lines or [""])
    return "\n".join(lines)


def problems_of(text: str) -> tuple[Problem, ...]:
    """Empty for a text that the damage left valid."""
    try:
        parse_profile(text, "broken.yaml")
    except ProfileError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("first", range(0, CASES, 100))
def test_a_broken_profile_is_a_clear_error_with_a_line(first):
    refused = 0
    for seed in range(first, first + 100):
        text = broken(seed)
        problems = problems_of(text)
        refused += bool(problems)
        for problem in problems:
            assert 1 <= problem.line <= text.count("\n") + 2, (seed, problem)
            assert problem.message.strip(), (seed, problem)
            assert not re.search(r"[\x00-\x1f\x7f-\x9f]", str(problem)), (seed, problem)
    assert refused > 50


def test_the_shipped_profiles_are_valid():
    for text in PROFILES:
        assert parse_profile(text, "shipped.yaml").nodes
