"""A drill at one moment, as a front shows it."""

from __future__ import annotations

from dataclasses import dataclass

from console.engine.report import RunReport
from console.judge.drill_report import DrillReport, Entry
from console.model.drill import Drill
from console.model.gap import Sample


@dataclass(frozen=True, slots=True)
class DrillProgress:
    """`timeline` are the entries so far, `samples` the client's latest requests in session time.

    `report` is there when it is over.
    """

    drill: Drill
    run: RunReport
    timeline: tuple[Entry, ...] = ()
    samples: tuple[Sample, ...] = ()
    report: DrillReport | None = None
