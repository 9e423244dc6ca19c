"""Profile YAML into a Profile, or into the problems it has, each with its line. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pydantic import ValidationError

from console.model.profile import NAMED_SECTIONS, Profile
from console.parse.profile_checks import semantic_problems
from console.parse.profile_words import key_path, problem_of
from console.parse.yaml_tree import MOST_PROBLEMS, Path, Problem, Tree, read_tree

NAME_IS_KEY = "the name is the key above; remove this line"


@dataclass(eq=False)
class ProfileError(Exception):
    """The text is no valid profile. `problems` are sorted by line and never empty."""

    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def parse_profile(text: str, file: str) -> Profile:
    """Raises ProfileError with the problems found, the first of very many, and nothing else, for any text."""
    tree = read_tree(text, file)
    if tree.value is None:
        raise ProfileError(tree.problems)
    profile, problems = _validated(tree)
    if profile is not None:
        problems = semantic_problems(profile, tree)
    problems = (*tree.problems, *islice(_names_in_entries(tree), MOST_PROBLEMS + 1), *problems)
    if problems or profile is None:
        raise ProfileError(tree.told(_in_order(problems)))
    return profile


def _validated(tree: Tree) -> tuple[Profile | None, tuple[Problem, ...]]:
    try:
        return Profile.model_validate(tree.value), ()
    except ValidationError as error:
        details: list[Any] = error.errors(include_url=False)
        told = (each for each in details if not _is_name_in_entry(key_path(each)))
        return None, tuple(problem_of(each, tree) for each in islice(told, MOST_PROBLEMS + 1))


def _names_in_entries(tree: Tree) -> Iterator[Problem]:
    return (tree.problem(path, NAME_IS_KEY) for path in tree.lines if _is_name_in_entry(path))


def _is_name_in_entry(path: Path) -> bool:
    return len(path) == 3 and path[0] in NAMED_SECTIONS and path[2] == "name"


def _in_order(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """By line; of several complaints about one key at one line, the first: the others follow from it."""
    first: dict[tuple[int, str], Problem] = {}
    for problem in problems:
        first.setdefault((problem.line, problem.key), problem)
    return tuple(sorted(first.values(), key=lambda problem: (problem.line, problem.key, problem.message)))
