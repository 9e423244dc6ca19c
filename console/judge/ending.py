"""How a run ended, in the word a person is told: of a ledger's record, as its result said it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.model.exit_code import ExitCode

UNDONE = "undone"
NOBODY = "nobody"
# A run that is over leaves no step waiting or running.
LEFT = {"waiting": "not done", "running": "stopped", "observing": "stopped"}


def ending_of(record: Mapping[str, Any]) -> str:
    """The outcome, or `undone` of a run that was interrupted and put back; empty where no outcome stands."""
    outcome = record.get("outcome")
    if record.get("interrupted") is True and outcome == "failed":
        left = record.get("restored_by") == NOBODY or bool(record.get("not_undone"))
        return str(outcome) if left else UNDONE
    return "" if outcome is None else str(outcome)


def drill_ending_of(document: Mapping[str, Any]) -> str:
    """The same of a drill's report: `passed`, `failed`, `undone`, `refused` or `unknown`."""
    undone = document.get("interrupted") is True and document.get("exit_code") == ExitCode.INTERRUPTED
    return UNDONE if undone else verdict_word(str(document.get("verdict")))


def verdict_word(verdict: str) -> str:
    """`pass` in a document is `passed` in a sentence."""
    return {"pass": "passed", "fail": "failed"}.get(verdict, verdict)


def stage_word(stage: str) -> str:
    """Where a step was left when its run was over."""
    return LEFT.get(stage, stage)
