"""The ledger's records gathered run by run: what a run did and how it ended, whichever record says so. Pure.

A drill leaves three records: the engine's intent and outcome (or its refusal), and the drill's own report with a
verdict. They are one run, and the verdict is how it ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.judge.ending import drill_ending_of, ending_of
from console.ledger.record import BREAK, Record

DRILL = "drill"


@dataclass(frozen=True, slots=True)
class LedgerRun:
    """Everything the ledger has about one run, in its order."""

    run: str
    records: tuple[Record, ...]

    @property
    def last(self) -> Record:
        return self.records[-1]

    @property
    def breaks(self) -> bool:
        """No run: a record that says why the ledger did not fit its side file."""
        return self.last.kind == BREAK

    @property
    def outcome(self) -> str:
        """`succeeded`, `undone`, `failed`, `unknown`, `refused`; of a drill `passed` instead; empty: none was
        recorded.
        """
        if self._report:
            return drill_ending_of(self._report)
        return next((ended for r in reversed(self.records) if (ended := ending_of(r.raw))), "")

    @property
    def sentence(self) -> str:
        return str(self._report.get("sentence") or self.value("sentence") or "")

    def value(self, key: str) -> Any:
        """What the newest record that has it says."""
        return next((r.raw[key] for r in reversed(self.records) if r.raw.get(key) not in (None, "")), None)

    @property
    def owners(self) -> tuple[Any, Any]:
        """Who owned the VIPs before and after: of whatever records tell."""
        before, after = self.value("before"), self.value("after")
        return _owners(before), _owners(after)

    @property
    def _report(self) -> Mapping[str, Any]:
        """What a drill judged, or nothing."""
        found = next((r.raw.get("drill_report") for r in reversed(self.records) if r.kind == DRILL), None)
        return found if isinstance(found, Mapping) else {}


def _owners(picture: Any) -> Any:
    return picture.get("owners") if isinstance(picture, Mapping) else None


def runs_of(records: Sequence[Record]) -> tuple[LedgerRun, ...]:
    """In the order of each run's first record; a record without a run stands for itself."""
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record.run or str(record.n), []).append(record)
    return tuple(LedgerRun(run, tuple(of_run)) for run, of_run in found.items())
