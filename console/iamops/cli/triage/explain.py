"""`iamops triage explain`: the runbook, from the catalogue of rules."""

from __future__ import annotations

import difflib
import sys
import textwrap
from collections.abc import Iterable, Iterator

from iamops.cli.output import print_lines
from iamops.judge.lint.catalogue import CATALOGUE as FILE_RULES
from iamops.judge.lint.finding import LintRule
from iamops.judge.runbook.catalogue import BY_NUMBER, CATALOGUE, entry_of
from iamops.judge.runbook.entry import RunbookEntry
from iamops.model.exit_code import ExitCode
from iamops.model.safe_text import safe

WIDTH = 80
NEAREST = 3


def explain(code: str | None) -> int:
    """Prints one entry, or the list of all."""
    if code is None:
        print_lines(list_lines(CATALOGUE.values()))
        return ExitCode.OK
    entry, rule = entry_of(code), FILE_RULES.get(code.upper())
    if entry is None and rule is None:
        print(f"iamops: {unknown(code)}", file=sys.stderr)
        return ExitCode.USAGE
    print_lines(entry_lines(entry) if entry is not None else rule_lines(rule))
    return ExitCode.OK


def entry_lines(entry: RunbookEntry) -> Iterator[str]:
    """An entry as a page of the runbook."""
    yield f"{entry.number} {entry.code} ({entry.severity})"
    yield from textwrap.wrap(entry.title, WIDTH, break_on_hyphens=False)
    for name, text in (("what it means", entry.means), ("how it is known", entry.known_by)):
        yield from ("", name)
        yield from _indented(text, "  ")
    yield from ("", "usual causes, the likeliest first")
    for cause in entry.causes:
        yield from _indented(cause, "  - ")
    yield from ("", "what to do, safe looks first")
    for number, step in enumerate(entry.steps, 1):
        yield from _indented(step, f"  {number}. ")


def rule_lines(rule: LintRule | None) -> Iterator[str]:
    """A rule of `iamops config lint`: triage tells of those too, below what they explain."""
    if rule is None:
        return
    yield f"{rule.code} ({rule.severity}), a rule of iamops config lint"
    yield from textwrap.wrap(rule.title, WIDTH, break_on_hyphens=False)
    yield from ("", "what it means", *_indented(rule.why, "  "))
    yield from ("", "what to do", *_indented(rule.fix, "  "))


def list_lines(entries: Iterable[RunbookEntry]) -> Iterator[str]:
    """One line an entry, in the catalogue's order."""
    found = list(entries)
    width = max((len(entry.code) for entry in found), default=0)
    for entry in found:
        yield f"{entry.number}  {entry.severity!s:<8}  {entry.code:<{width}}  {entry.title}"


def unknown(code: str) -> str:
    """The sentence for a code that is none, with the names that are nearest to it."""
    names = (*CATALOGUE, *BY_NUMBER)
    near = difflib.get_close_matches(code.lower(), names, NEAREST, 0.5) or [
        name for name in CATALOGUE if code.lower() and code.lower() in name
    ]
    hint = f"did you mean {', '.join(near[:NEAREST])}?" if near else "`iamops triage explain` lists them"
    return f"there is no finding {safe(code, 60)!r}: {hint}"


def _indented(text: str, head: str) -> list[str]:
    """Commands stay whole: nothing is broken at a hyphen."""
    return textwrap.wrap(
        text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False
    )
