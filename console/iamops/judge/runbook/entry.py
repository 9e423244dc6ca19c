"""One page of the runbook."""

from __future__ import annotations

from dataclasses import dataclass

from iamops.model.facts import Severity


@dataclass(frozen=True, slots=True)
class RunbookEntry:
    """One rule, as the runbook tells it. `number` is `T` and three digits, `code` its word; neither ever changes.

    `means`: what is so, for whom it hurts. `known_by`: which evidence, from which source. `causes`: the usual
    ones, the likeliest first. `steps`: what to do, safe looks first, each a command or a sentence. In a command
    NODE, UNIT and SERVICE stand for the finding's own; `severity` is the usual one.
    """

    number: str
    code: str
    severity: Severity
    title: str
    means: str
    known_by: str
    causes: tuple[str, ...]
    steps: tuple[str, ...]
