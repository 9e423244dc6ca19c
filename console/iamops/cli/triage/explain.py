"""`iamops triage explain`: the runbook, from the catalogue of rules."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from iamops.cli.output import CliError, columns, print_lines, wrapped
from iamops.judge.lint.catalogue import CATALOGUE as FILE_RULES
from iamops.judge.lint.finding import LintRule
from iamops.judge.runbook.catalogue import BY_NUMBER, CATALOGUE, entry_of
from iamops.judge.runbook.entry import RunbookEntry
from iamops.model.exit_code import ExitCode
from iamops.model.text import safe

WIDTH = 80
NEAREST = 3


def explain(code: str | None) -> int:
    if code is None:
        print_lines(list_lines(CATALOGUE.values()))
    elif (entry := entry_of(code)) is not None:
        print_lines(entry_lines(entry))
    elif (rule := FILE_RULES.get(code.upper())) is not None:
        print_lines(rule_lines(rule))
    else:
        raise CliError(unknown(code))
    return ExitCode.OK


def entry_lines(entry: RunbookEntry) -> Iterator[str]:
    """An entry as a page of the runbook."""
    yield f"{entry.number} {entry.code} ({entry.severity})"
    yield from wrapped(entry.title, WIDTH)
    for name, text in (("what it means", entry.means), ("how it is known", entry.known_by)):
        yield from ("", name, *_indented(text, "  "))
    yield from ("", "usual causes, the likeliest first")
    for cause in entry.causes:
        yield from _indented(cause, "  - ")
    yield from ("", "what to do, safe looks first")
    for number, step in enumerate(entry.steps, 1):
        yield from _indented(step, f"  {number}. ")


def rule_lines(rule: LintRule) -> Iterator[str]:
    """A rule of `iamops config lint`: triage names those too, below what they explain."""
    yield f"{rule.code} ({rule.severity}), a rule of iamops config lint"
    yield from wrapped(rule.title, WIDTH)
    yield from ("", "what it means", *_indented(rule.why, "  "))
    yield from ("", "what to do", *_indented(rule.fix, "  "))


def list_lines(entries: Iterable[RunbookEntry]) -> Iterator[str]:
    return columns((entry.number, f"{entry.severity!s:<8}", entry.code, entry.title) for entry in entries)


def unknown(code: str) -> str:
    """The sentence for a code that is none, with the names that are nearest to it."""
    names = (*CATALOGUE, *BY_NUMBER)
    near = difflib.get_close_matches(code.lower(), names, NEAREST, 0.5) or [
        name for name in CATALOGUE if code.lower() and code.lower() in name
    ]
    hint = f"did you mean {', '.join(near[:NEAREST])}?" if near else "`iamops triage explain` lists them"
    return f"there is no finding {safe(code, 60)!r}: {hint}"


def _indented(text: str, head: str) -> list[str]:
    return wrapped(text, WIDTH, head, " " * len(head))
