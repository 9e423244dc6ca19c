"""A drill at one moment, as a front shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from console.engine.report import RunReport
from console.judge.drill_report import DrillReport, Entry
from console.model.drill import Drill
from console.model.gap import Samples


@dataclass(frozen=True, slots=True)
class DrillProgress:
    """`timeline` are the entries so far. `samples()` gives the client's latest requests: thousands, so they
    are handed over only to who wants to see them. `report` is there when it is over.
    """

    drill: Drill
    run: RunReport
    timeline: tuple[Entry, ...] = ()
    samples: Callable[[], Samples] = Samples
    report: DrillReport | None = None
