"""Drill YAML into a Drill, or into every problem it has, each with its line. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, ValidationError

from iamops.model.drill import UNIT_VERBS, Drill, DrillStep, DrillVerb, SteadyState
from iamops.parse.drill.step import (
    VERBS,
    DrillPart,
    OrNone,
    WrittenStep,
    nearest,
    parse_bound,
    shown,
    text_of,
    unknown_key,
    word_of,
)
from iamops.parse.yaml_tree import MOST_PROBLEMS, KeyPath, Problem, ProblemsFound, YamlTree, read_tree
from iamops.redact.clean import clean_text

DEFAULT_STEADY = tuple(state for state in SteadyState if state is not SteadyState.DATASTORES)
DEFAULT_MAX_S = 120.0
LEAST_MAX_S, MOST_MAX_S = 1.0, 3600.0
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
# What must follow, sooner or later, so that a drill leaves things as it found them.
TAKEN_BACK: Mapping[str, DrillVerb] = {
    DrillVerb.STOP: DrillVerb.START,
    DrillVerb.HANG: DrillVerb.WAKE,
    DrillVerb.POWER_OFF: DrillVerb.POWER_ON,
    DrillVerb.FREEZE: DrillVerb.THAW,
}


class DrillError(ProblemsFound):
    """The text is no valid drill."""


def _name(value: object) -> str:
    if isinstance(value, str) and NAME.fullmatch(value):
        return value
    raise ValueError(f"expected a name of letters, digits, dashes and underscores, found {shown(value)}")


def _one_line(expected: str) -> PlainValidator:
    """One line that is harmless for a terminal: quoted YAML can hold any character."""
    return PlainValidator(lambda value: clean_text(" ".join(text_of(value, expected).split())))


def _max_duration_s(value: object) -> float:
    if value is None:
        return DEFAULT_MAX_S
    terms = parse_bound(str(value)).terms
    total_s = sum(term.seconds for term in terms)
    if not LEAST_MAX_S <= total_s <= MOST_MAX_S or any(term.name is not None for term in terms):
        expected = f"a time from {LEAST_MAX_S:.0f} s to {MOST_MAX_S:.0f} s"
        raise ValueError(f"expected {expected}, found {shown(value)}")
    return total_s


def _at_least_one(value: object) -> object:
    if not value:
        raise ValueError("expected at least one step")
    return value


Steady = Annotated[
    SteadyState,
    PlainValidator(
        lambda value: SteadyState(word_of(value, tuple(map(str, SteadyState)), "something that must hold"))
    ),
]


class _DrillFile(DrillPart):
    """A drill file. What is required has a default that is none, so that its own check says what is missing."""

    name: Annotated[str, PlainValidator(_name)] = Field(None, validate_default=True)
    title: Annotated[str, _one_line("a line that says what it proves")] = Field(None, validate_default=True)
    about: Annotated[str, _one_line("text")] = ""
    steady_state: Annotated[
        tuple[Steady, ...],
        BeforeValidator(lambda value: DEFAULT_STEADY if value is None else value),
    ] = DEFAULT_STEADY
    max_duration: Annotated[float, PlainValidator(_max_duration_s)] = DEFAULT_MAX_S
    method: Annotated[tuple[WrittenStep, ...], BeforeValidator(_at_least_one)] = Field(None, validate_default=True)
    restore: Annotated[tuple[WrittenStep, ...], OrNone] = ()


def parse_drill(
    text: str, file: str, units: Collection[str] | None = None, nodes: Collection[str] | None = None
) -> Drill:
    """Raises DrillError with the problems found, the first of very many, and nothing else, for any text.

    `units` and `nodes` are the profile's; None where there is no profile: then any will do.
    """
    tree = read_tree(text, file, "a mapping with name, title and method")
    if tree.value is None:
        raise DrillError(tree.problems)
    problems = {*tree.problems, *islice(_not_taken_back(tree), MOST_PROBLEMS + 1)}
    drill = None
    try:
        drill = _DrillFile.model_validate(tree.value, context={"units": units, "nodes": nodes})
    except ValidationError as error:
        details: list[Any] = error.errors(include_url=False)
        problems |= {_problem(detail, tree) for detail in islice(details, MOST_PROBLEMS + 1)}
    if problems or drill is None:
        raise DrillError(tree.listed(sorted(problems, key=lambda p: (p.line, p.key, p.message))))
    return Drill(
        name=drill.name,
        title=drill.title,
        about=drill.about,
        steady_state=drill.steady_state,
        method=_located(drill.method, "method", tree),
        restore=_located(drill.restore, "restore", tree),
        max_duration_s=drill.max_duration,
        source=file,
    )


def _located(steps: tuple[DrillStep, ...], key: str, tree: YamlTree) -> tuple[DrillStep, ...]:
    return tuple(replace(step, line=tree.line((key, number))) for number, step in enumerate(steps))


def _problem(detail: Mapping[str, Any], tree: YamlTree) -> Problem:
    """One pydantic error (`ValidationError.errors()`) as a Problem."""
    path: KeyPath = detail["loc"]
    match detail["type"]:
        case "value_error":
            return tree.problem(path, str(detail["ctx"]["error"]))
        case "missing":
            return tree.problem(path[:-1], f"needs `{path[-1]}`: until when it must be so")
        case "extra_forbidden" if len(path) == 1:
            return tree.problem(path, f"means nothing here{nearest(path[0], tuple(_DrillFile.model_fields))}")
        case "extra_forbidden":
            beside: Any = tree.value
            for part in path[:-1]:
                beside = beside[part]
            return tree.problem(path, unknown_key(str(path[-1]), beside, in_step="expect" not in path))
    return tree.problem(path, f"expected a list, found {shown(detail['input'])}")


def _not_taken_back(tree: YamlTree) -> Iterator[Problem]:
    """Each step that takes something away needs one of its own that brings it back.

    On which node is not known here: roles move. The steady state at the end shows it.
    """
    away: list[tuple[KeyPath, str, str]] = []
    for path, verb, unit in _doings(tree.value or {}):
        if verb in TAKEN_BACK:
            away.append((path, verb, unit))
            continue
        undone = next((step for step in reversed(away) if (TAKEN_BACK[step[1]], step[2]) == (verb, unit)), None)
        if undone is not None:
            away.remove(undone)
    for path, verb, unit in away:
        if unit or verb not in UNIT_VERBS:  # a stop of nothing is complained about already
            back = f"{TAKEN_BACK[verb]}: {clean_text(unit, 60) if unit else 'NODE'}"
            yield tree.problem((*path, verb), f"nothing takes it back: add `{back}` to restore")


def _doings(raw: Mapping[str, object]) -> Iterator[tuple[KeyPath, str, str]]:
    """Where it stands, the verb and the unit of every step that does one thing, whatever else is wrong with it."""
    for key in ("method", "restore"):
        steps = raw.get(key)
        for number, step in enumerate(steps if isinstance(steps, list) else ()):
            verbs = [verb for verb in step if verb in VERBS] if isinstance(step, dict) else []
            if len(verbs) == 1:
                value = step[verbs[0]] if verbs[0] in UNIT_VERBS else None
                yield (
                    (key, number),
                    verbs[0],
                    value.strip().removesuffix(".service") if isinstance(value, str) else "",
                )
