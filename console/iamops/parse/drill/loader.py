"""Drill YAML into a Drill, or into every problem it has, each with its line. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from iamops.model.drill import UNIT_VERBS, Drill, DrillStep, DrillVerb, SteadyState
from iamops.parse.drill.step import DrillReader, StepReader, parse_bound, shown
from iamops.parse.yaml_tree import Path, Problem, YamlTree, read_tree
from iamops.redact.clean import words

KEYS = ("name", "title", "about", "steady_state", "max_duration", "method", "restore")
DEFAULT_STEADY = tuple(each for each in SteadyState if each is not SteadyState.DATASTORES)
DEFAULT_MAX_S = 120.0
LEAST_MAX_S, MOST_MAX_S = 1.0, 3600.0
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
# What must follow, sooner or later, so that a drill leaves things as it found them.
TAKEN_BACK: Mapping[DrillVerb, DrillVerb] = {
    DrillVerb.STOP: DrillVerb.START,
    DrillVerb.HANG: DrillVerb.WAKE,
    DrillVerb.POWER_OFF: DrillVerb.POWER_ON,
    DrillVerb.FREEZE: DrillVerb.THAW,
}


@dataclass(eq=False)
class DrillError(Exception):
    """The text is no valid drill. `problems` are sorted by line and never empty."""

    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def parse_drill(
    text: str, file: str, units: Collection[str] | None = None, nodes: Collection[str] | None = None
) -> Drill:
    """Raises DrillError with the problems found, the first of very many, and nothing else, for any text.

    `units` and `nodes` are the profile's; None where there is no profile: then any will do.
    """
    tree = read_tree(text, file, "a mapping with name, title and method")
    if tree.value is None:
        raise DrillError(tree.problems)
    reader = DrillReader(tree)
    drill = _drill(StepReader(reader, units, nodes), reader, tree)
    problems = sorted({*tree.problems, *reader.problems}, key=lambda p: (p.line, p.key, p.message))
    if problems:
        raise DrillError(tree.told(problems))
    return drill


def _drill(steps: StepReader, reader: DrillReader, tree: YamlTree) -> Drill:
    raw = tree.value or {}
    reader.only(raw, (), KEYS)
    method = _moves(reader, steps, raw, "method")
    restore = _moves(reader, steps, raw, "restore")
    if not raw.get("method"):
        reader.wrong(("method",), "expected at least one step")
    _taken_back(reader, (*method, *restore))
    return Drill(
        name=_name(reader, raw.get("name")),
        title=_shown_text(reader.text(raw.get("title"), ("title",), "a line that says what it proves")),
        about=_shown_text(reader.text(raw["about"], ("about",), "text")) if "about" in raw else "",
        steady_state=_steady(reader, raw.get("steady_state")),
        method=tuple(move for _, move in method),
        restore=tuple(move for _, move in restore),
        max_duration_s=_max_duration_s(reader, raw.get("max_duration")),
        source=tree.file,
    )


def _moves(
    reader: DrillReader, steps: StepReader, raw: dict[str, Any], key: str
) -> tuple[tuple[Path, DrillStep], ...]:
    found: list[tuple[Path, DrillStep]] = []
    for path, item in reader.items(raw.get(key), (key,)):
        if item == {}:
            reader.wrong(path, f"expected one thing to do, found nothing; one of: {', '.join(DrillVerb)}")
        elif (move := steps.step(item, path)) is not None:
            found.append((path, move))
    return tuple(found)


def _name(reader: DrillReader, value: Any) -> str:
    if isinstance(value, str) and NAME.fullmatch(value):
        return value
    reader.wrong(("name",), f"expected a name of letters, digits, dashes and underscores, found {shown(value)}")
    return ""


def _shown_text(text: str) -> str:
    """One line that is harmless for a terminal: quoted YAML can hold any character."""
    return words(" ".join(text.split()))


def _steady(reader: DrillReader, value: Any) -> tuple[SteadyState, ...]:
    if value is None:
        return DEFAULT_STEADY
    words = (
        reader.word(item, path, tuple(map(str, SteadyState)), "something that must hold")
        for path, item in reader.items(value, ("steady_state",))
    )
    return tuple(SteadyState(word) for word in words if word)


def _max_duration_s(reader: DrillReader, value: Any) -> float:
    if value is None:
        return DEFAULT_MAX_S
    try:
        terms = parse_bound(str(value)).terms
    except ValueError as error:
        reader.wrong(("max_duration",), str(error))
        return DEFAULT_MAX_S
    total_s = sum(term.seconds for term in terms)
    if not LEAST_MAX_S <= total_s <= MOST_MAX_S or any(term.name is not None for term in terms):
        expected = f"a time from {LEAST_MAX_S:.0f} s to {MOST_MAX_S:.0f} s"
        reader.wrong(("max_duration",), f"expected {expected}, found {shown(value)}")
    return total_s


def _taken_back(reader: DrillReader, steps: tuple[tuple[Path, DrillStep], ...]) -> None:
    """Each step that takes something away needs one of its own that brings it back.

    Which node that is cannot be told here: roles move. The steady state at the end tells.
    """
    away: list[tuple[Path, DrillStep]] = []
    for path, move in steps:
        if move.verb in TAKEN_BACK:
            away.append((path, move))
            continue
        undone = next((each for each in reversed(away) if _brings_back(move, each[1])), None)
        if undone is not None:
            away.remove(undone)
    for path, move in away:
        if move.unit or move.verb not in UNIT_VERBS:  # a stop of nothing was complained about already
            what = f"{TAKEN_BACK[move.verb]}: {words(move.unit, 60) if move.unit else 'NODE'}"
            reader.wrong((*path, str(move.verb)), f"nothing takes it back: add `{what}` to restore")


def _brings_back(back: DrillStep, away: DrillStep) -> bool:
    return back.verb is TAKEN_BACK[away.verb] and back.unit == away.unit
