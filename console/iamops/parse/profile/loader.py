"""Profile YAML into a Profile, or into the problems it has, each with its line. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from iamops.model.profile import NAMED_SECTIONS, Profile
from iamops.parse.profile.checks import semantic_problems
from iamops.parse.yaml_tree import MOST_PROBLEMS, KeyPath, Problem, ProblemsFound, described, read_tree
from iamops.redact.clean import clean_text

# Pydantic's complaints about a profile, in the words of a person who has the file open.

_A_SECRET = re.compile("pass|secret|token", re.IGNORECASE)
_IN_CLEAR = (
    "a secret never stands in a profile: put it into an environment variable or a file of its own, "
    "and name that with `auth: {from_env: …}` or `auth: {from_file: …}`"
)
_NO_VARIABLE = "expected the name of an environment variable such as IAMOPS_VRRP_AUTH"
_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "mapping_type": "a mapping of `key: value` lines",
    "model_type": "a mapping of `key: value` lines",
    "dict_type": "a mapping of `key: value` lines",
    "tuple_type": "a list",
}
_PATTERNS = {
    r"^/[A-Za-z0-9_./-]*$": "an absolute path such as /var/log/nginx/access.log",
    r"^/[A-Za-z0-9_./?=&%-]*$": "a URL path such as /healthz",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$": "a name of letters, digits, dots, dashes and underscores",
    r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,100}$": "a systemd unit such as iam-apiserver",
    r"^([A-Za-z0-9]|::)[A-Za-z0-9.:_-]{0,252}$": "a host name or an address",
    r"^[A-Za-z0-9_.@-]{1,15}$": "a network interface such as eth0",
    r"^[0-9]{1,12}[kKmMgG]?$": "a size such as 5m",
    r"^[a-z_][a-z0-9_-]{0,31}$": "a login name",
    r"^([0-9.]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$": "an address with a port such as 10.0.4.22:8080",
    r"^[A-Z]{1,2}[0-9]{3}$": "the code of a lint rule such as K004",
    r"^(/|~/)": "the absolute path of a directory",
}


def key_path(detail: Mapping[str, Any]) -> KeyPath:
    return tuple(part for part in detail["loc"] if part != "[key]")


def _message(path: KeyPath, detail: Mapping[str, Any]) -> str:
    """Of one pydantic error (`ValidationError.errors()`)."""
    kind, found = detail["type"], detail["input"]
    if kind == "missing":
        return "required, but not given"
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if path[-1:] == ("auth",) and not isinstance(found, dict | list):
        return _IN_CLEAR  # `auth: 1111`: neither repeat it nor ask for a mapping only
    if path[-1:] == ("from_env",):
        return f"{_NO_VARIABLE}; if this is the password itself: {_IN_CLEAR}"
    if kind == "value_error" and isinstance(found, dict):
        return str(detail["ctx"]["error"])  # a rule between keys: what was found is the whole mapping
    expected = _expected(kind, detail)
    if "auth" in path:
        return f"expected {expected}"  # what was found may be the secret
    quotes = ": put it in quotes" if kind == "string_type" and isinstance(found, bool | int | float) else ""
    scalar = str(found).lower() if isinstance(found, bool) else clean_text(repr(found), 60)
    return f"expected {expected}, found {described(found) or scalar}{quotes}"


def _expected(kind: str, detail: Mapping[str, Any]) -> str:
    context = detail.get("ctx", {})
    if kind in _KINDS:
        return _KINDS[kind]
    if kind == "value_error":
        return str(context.get("error", detail["msg"])).removeprefix("expected ")
    if kind in ("enum", "literal_error"):
        return f"one of {context['expected']}"
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], f"text that matches {context['pattern']}")
    bounds = {"greater_than_equal": ("ge", "at least"), "less_than_equal": ("le", "at most")}
    if kind in bounds:
        key, word = bounds[kind]
        return f"{word} {context[key]}"
    return str(detail["msg"])


def _unknown_key(path: KeyPath) -> str:
    *section, name = path
    if _A_SECRET.search(str(name)):
        return _IN_CLEAR
    model: type[BaseModel] = Profile
    in_entry = len(section) > 1 and section[0] in NAMED_SECTIONS
    for part in (section[0], *section[2:]) if in_entry else section:  # without the entry's own name: nodes.iam-a
        field = model.model_fields.get(str(part))
        model = (_model_in(field.annotation) if field else None) or model
    known = sorted(set(model.model_fields) - ({"name"} if in_entry else set()))
    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    return f"unknown key; did you mean `{near[0]}`?" if near else f"unknown key; known are {', '.join(known)}"


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


NAME_IS_KEY = "the name is the key above; remove this line"


class ProfileError(ProblemsFound):
    """The text is no valid profile."""


def parse_profile(text: str, file: str) -> Profile:
    """Raises ProfileError with the problems found, the first of very many, and nothing else, for any text."""
    tree = read_tree(text, file)
    if tree.value is None:
        raise ProfileError(tree.problems)
    names = (tree.problem(path, NAME_IS_KEY) for path in tree.lines if _is_name_in_entry(path))
    problems = [*tree.problems, *islice(names, MOST_PROBLEMS + 1)]
    profile = None
    try:
        profile = Profile.model_validate(tree.value)
        problems += semantic_problems(profile, tree)
    except ValidationError as error:
        details: list[Any] = error.errors(include_url=False)
        located = ((key_path(detail), detail) for detail in details)
        others = ((path, detail) for path, detail in located if not _is_name_in_entry(path))
        complained = islice(others, MOST_PROBLEMS + 1)
        problems += [tree.problem(path, _message(path, detail)) for path, detail in complained]
    if problems or profile is None:
        raise ProfileError(tree.listed(_in_order(problems)))
    return profile


def _is_name_in_entry(path: KeyPath) -> bool:
    return len(path) == 3 and path[0] in NAMED_SECTIONS and path[2] == "name"


def _in_order(problems: Sequence[Problem]) -> list[Problem]:
    """By line; of several complaints about one key at one line, the first: the others follow from it."""
    first: dict[tuple[int, str], Problem] = {}
    for problem in problems:
        first.setdefault((problem.line, problem.key), problem)
    return sorted(first.values(), key=lambda problem: (problem.line, problem.key, problem.message))
