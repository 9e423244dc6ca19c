"""Earlier runs of drills, compared: how often they passed, the median, the worst, and where it is going. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console.judge.ending import drill_ending_of

ENOUGH = 6
# Less than this is noise.
CHANGED_BY, CHANGED_MS = 0.10, 5.0
OUTAGE = "longest client gap"


@dataclass(frozen=True, slots=True)
class DrillRun:
    """One run. `measures` in ms, by `what after step`; `ending` is how it ended in a person's word."""

    run: str
    at: str
    drill: str
    verdict: str
    duration_s: float
    measures: Mapping[str, float]
    ending: str = ""


@dataclass(frozen=True, slots=True)
class Trend:
    """One measurement over all runs that have it, oldest first. `trend`: better, worse, steady or too few."""

    drill: str
    measure: str
    runs: int
    median_ms: float
    worst_ms: float
    latest_ms: float
    trend: str


def drill_runs(records: Iterable[Mapping[str, Any]]) -> tuple[DrillRun, ...]:
    """Runs from the ledger's records, in their order; what is no report is passed over."""
    found = (_run(record) for record in records)
    return tuple(run for run in found if run is not None)


def trends(runs: Sequence[DrillRun]) -> tuple[Trend, ...]:
    """Every measurement of runs that were carried out, drill by drill."""
    values: dict[tuple[str, str], list[float]] = {}
    for run in runs:
        if run.verdict in ("pass", "fail"):
            for name, measured_ms in run.measures.items():
                values.setdefault((run.drill, name), []).append(measured_ms)
    return tuple(_trend(drill, name, row) for (drill, name), row in values.items())


def passed(runs: Sequence[DrillRun], drill: str) -> tuple[int, int]:
    """How many passed, of how many that were carried out."""
    own = [run.verdict for run in runs if run.drill == drill and run.verdict in ("pass", "fail", "unknown")]
    return own.count("pass"), len(own)


def history_document(runs: Sequence[DrillRun]) -> dict[str, Any]:
    """As JSON (`iamops.drill-history/1`)."""
    drills = dict.fromkeys(run.drill for run in runs)
    return {
        "schema": "iamops.drill-history/1",
        "drills": {name: dict(zip(("passed", "runs"), passed(runs, name), strict=True)) for name in drills},
        "runs": [
            {"run": r.run, "at": r.at, "drill": r.drill, "verdict": r.verdict, "duration_s": r.duration_s}
            for r in runs
        ],
        "measures": [
            {
                "drill": t.drill,
                "measure": t.measure,
                "runs": t.runs,
                "median_ms": t.median_ms,
                "worst_ms": t.worst_ms,
                "latest_ms": t.latest_ms,
                "trend": t.trend,
            }
            for t in trends(runs)
        ],
    }


def _run(record: Any) -> DrillRun | None:
    if not isinstance(record, Mapping) or record.get("kind") != "drill":
        return None
    report: Any = record.get("drill_report")
    try:
        measures = {
            f"{budget['what']} after {budget['step']}": _finite(budget["measured_ms"])
            for budget in report["budgets"]
            if budget["measured_ms"] is not None
        }
        if report["client"] is not None:
            measures[OUTAGE] = _finite(report["client"]["longest_gap_ms"])
        return DrillRun(
            str(report["run"]),
            str(report["at"]),
            str(report["drill"]),
            str(report["verdict"]),
            _finite(report["duration_s"]),
            measures,
            drill_ending_of(report),
        )
    except (TypeError, KeyError, ValueError, OverflowError):
        return None


def _finite(number: Any) -> float:
    """Raises ValueError for what no JSON may hold, though Python's reader takes it."""
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{value} is no measurement")
    return value


def _trend(drill: str, name: str, row: Sequence[float]) -> Trend:
    median_ms, worst_ms = round(statistics.median(row), 1), round(max(row), 1)
    return Trend(drill, name, len(row), median_ms, worst_ms, round(row[-1], 1), _word(row))


def _word(row: Sequence[float]) -> str:
    if len(row) < ENOUGH:
        return "too few"
    third = len(row) // 3
    first, last = statistics.median(row[:third]), statistics.median(row[-third:])
    if abs(last - first) <= max(CHANGED_MS, CHANGED_BY * first):
        return "steady"
    return "better" if last < first else "worse"
