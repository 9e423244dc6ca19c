"""The result of a drill: verdict, measurements against budgets, invariants, a timeline; and the history of drills.

Times of a report are relative to its beginning, on the session's clock; `uncertainty_ms` says how well a
node's clock could be compared with it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from iamops.judge.run import UNDONE, RestoredBy, RunReport, StepReport, drill_ending_of, refusal_code, verdict_word
from iamops.model.drill import Drill
from iamops.model.exit_code import ExitCode
from iamops.model.foreign import Json
from iamops.model.outage import Samples
from iamops.plan.denial import Denial
from iamops.plan.steps import Plan


class DrillVerdict(StrEnum):
    """The one word a pipeline reads."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    REFUSED = "refused"
    UNKNOWN = "unknown"

    @property
    def word(self) -> str:
        """The word for people."""
        return verdict_word(self)


class FailureKind(StrEnum):
    """What was wrong: a slow pair is not a wrong one."""

    OVER_BUDGET = "over-budget"
    WRONG_TRANSITION = "wrong-transition"
    INVARIANT = "invariant"
    CLIENT = "client"
    SPLIT = "uneven-split"
    NOTIFY = "notify"
    STEADY_STATE = "steady-state"
    STEP = "step"
    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"
    CONFIG = "config"


@dataclass(frozen=True, slots=True)
class Failure:
    """One reason why the drill did not pass; `step` is the title of the step it belongs to."""

    kind: FailureKind
    text: str
    step: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """A measured time beside its budget, in milliseconds. `measured_ms` None: it never happened.

    `upper_ms` is theory's; `allowance_ms` what timers, SSH and scripts may add to it. `rule` is the bound
    as it was written. `path`: `farewell` (the priority-0 advert) or `timeout`, where that is known.
    """

    step: str
    what: str
    rule: str
    measured_ms: float | None
    lower_ms: float
    upper_ms: float
    allowance_ms: float
    path: str = ""

    @property
    def slack_ms(self) -> float | None:
        """What is left of the budget; negative when it was overrun."""
        if self.measured_ms is None:
            return None
        return round(self.upper_ms + self.allowance_ms - self.measured_ms, 1)

    @property
    def holds(self) -> bool:
        return self.slack_ms is not None and self.slack_ms >= 0


@dataclass(frozen=True, slots=True)
class Invariant:
    """Something that must hold throughout the drill. `holds` None: nobody can tell, and `text` says why."""

    name: str
    holds: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of the timeline. `witness`: kernel, keepalived, notify, client, unit or console."""

    at_s: float
    node: str | None
    witness: str
    text: str
    uncertainty_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class ClientView:
    """What clients lost. `gaps` are (began_s, duration_ms, refused, dark, wrong), times of the report.

    `stale_ms`: how long the node that had let go of the VIP went on answering for it.
    """

    attempts: int
    failed: int
    longest_ms: float
    total_ms: float
    refused_ms: float
    no_answer_ms: float
    wrong_ms: float
    stale_ms: float
    resolution_ms: float
    gaps: tuple[tuple[float, float, int, int, int], ...] = ()
    not_measured_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One node in the report: versions, live VRRP configuration, clock offset against the session's."""

    name: str
    keepalived: str | None
    nginx: str | None
    clock_offset_ms: float | None
    clock_uncertainty_ms: float | None
    live: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DrillReport:
    """The full account of one drill. `began_at` in epoch seconds.

    `stays`: it was interrupted, and something that it did is not taken back.
    """

    drill: str
    title: str
    profile: str
    environment: str
    run: str
    who: str
    began_at: float
    duration_s: float
    verdict: DrillVerdict
    sentence: str
    failures: tuple[Failure, ...] = ()
    denials: tuple[Denial, ...] = ()
    steady_state: tuple[Invariant, ...] = ()
    measures: tuple[Measure, ...] = ()
    invariants: tuple[Invariant, ...] = ()
    steps: tuple[StepReport, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()
    client: ClientView | None = None
    nodes: tuple[NodeFacts, ...] = ()
    splits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    restored_by: str | None = None
    interrupted: bool = False
    notes: tuple[str, ...] = ()
    plan: Plan | None = None
    stays: bool = False

    @property
    def put_back(self) -> bool:
        """Interrupted, and as before by our own doing: no pass, and no failure of the pair either."""
        restored = self.restored_by in (None, RestoredBy.CONSOLE) and not self.stays
        return self.interrupted and self.verdict is DrillVerdict.FAIL and restored

    @property
    def ending(self) -> str:
        """The word for people."""
        return UNDONE if self.put_back else self.verdict.word

    @property
    def exit_code(self) -> ExitCode:
        """0 is only ever a pass. 130 promises that everything is as it was before."""
        if self.put_back:
            return ExitCode.INTERRUPTED
        match self.verdict:
            case DrillVerdict.PASS:
                return ExitCode.OK
            case DrillVerdict.FAIL:
                return ExitCode.CHECK_FAILED
            case DrillVerdict.REFUSED:
                return refusal_code(self.denials)
        return ExitCode.UNKNOWN


@dataclass(frozen=True, slots=True)
class DrillProgress:
    """A drill at one time, as a front shows it; `timeline` are the entries so far. `samples()` gives the client's
    latest requests: thousands, so only those who want to see them ask. `report` is there when it is over.
    """

    drill: Drill
    run: RunReport
    timeline: tuple[TimelineEntry, ...] = ()
    samples: Callable[[], Samples] = Samples
    report: DrillReport | None = None


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


def drill_runs(records: Iterable[object]) -> tuple[DrillRun, ...]:
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


def _run(record: object) -> DrillRun | None:
    if not isinstance(record, Mapping) or record.get("kind") != "drill":
        return None
    report: Json = record.get("drill_report") or {}
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


def _finite(number: float) -> float:
    """Raises ValueError for what no JSON may hold, though Python's reader takes it."""
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{value} is no measurement")
    return value


def _trend(drill: str, name: str, row: Sequence[float]) -> Trend:
    third = len(row) // 3
    first, last = (statistics.median(part or row) for part in (row[:third], row[-third:]))
    word = "better" if last < first else "worse"
    if len(row) < ENOUGH:
        word = "too few"
    elif abs(last - first) <= max(CHANGED_MS, CHANGED_BY * first):
        word = "steady"
    median_ms, worst_ms = round(statistics.median(row), 1), round(max(row), 1)
    return Trend(drill, name, len(row), median_ms, worst_ms, round(row[-1], 1), word)
