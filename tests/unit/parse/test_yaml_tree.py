"""A file with thousands of mistakes: the first hundred are told, and that there are more."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from iamops.parse.drill.loader import DrillError, parse_drill
from iamops.parse.profile.loader import ProfileError, parse_profile
from iamops.parse.yaml_tree import MOST_PROBLEMS, Problem

MANY = 3000
LAB_PROFILE = (Path(__file__).parents[3] / "profiles" / "lab.yaml").read_text(encoding="utf-8")
MORE = "more problems follow; mend these first"


def doubled() -> str:
    return LAB_PROFILE + "nodes: {}\n" * MANY


def unknown_keys() -> str:
    return LAB_PROFILE + "".join(f"strange{number}: 1\n" for number in range(MANY))


def numbers_that_are_none() -> str:
    return LAB_PROFILE + "strange:\n" + "  - 050\n" * MANY


def entries_with_names() -> str:
    services = "".join(f"  s{n}: {{port: 1, name: x}}\n" for n in range(MANY))
    return LAB_PROFILE.partition("services:")[0] + f"services:\n{services}"


def nodes_that_are_not_there() -> str:
    stores = "".join(f"  d{n}: {{kind: redis, node: nobody, port: 1}}\n" for n in range(MANY))
    return LAB_PROFILE.partition("datastores:")[0] + f"datastores:\n{stores}"


@pytest.mark.parametrize(
    "text", [doubled, unknown_keys, numbers_that_are_none, entries_with_names, nodes_that_are_not_there]
)
def test_of_a_profile(text: Callable[[], str]):
    problems = told(lambda: parse_profile(text(), "p.yaml"))
    assert len(problems) == MOST_PROBLEMS + 1
    assert problems[-1].message == MORE
    assert MORE not in {each.message for each in problems[:-1]}


def test_of_a_drill():
    steps = "".join(f"  - wait: {number} parsecs\n" for number in range(MANY))
    problems = told(lambda: parse_drill(f"name: x\ntitle: x\nmethod:\n{steps}", "d.yaml"))
    assert (len(problems), problems[-1].message) == (MOST_PROBLEMS + 1, MORE)


def test_what_can_be_told_whole_is():
    problems = told(lambda: parse_profile(LAB_PROFILE + "strange: 1\n", "p.yaml"))
    assert len(problems) == 1


def test_thousands_of_mistakes_take_no_long_time():
    """A control of the same moment: reading as many entries without a mistake."""
    good = took_s(LAB_PROFILE + "lint:\n  silence:\n" + "".join(f"    K{n}: meant\n" for n in range(MANY)))
    assert took_s(unknown_keys()) < 5 * good


def told(read: Callable[[], object]) -> tuple[Problem, ...]:
    with pytest.raises((ProfileError, DrillError)) as raised:
        read()
    problems: tuple[Problem, ...] = raised.value.problems
    return problems


def took_s(text: str) -> float:
    """The best of three; collecting what thousands of other tests have left is not counted."""
    took = []
    gc.disable()
    for _ in range(3):
        began = time.process_time()
        with contextlib.suppress(ProfileError):
            parse_profile(text, "p.yaml")
        took.append(time.process_time() - began)
    gc.enable()
    return min(took)
