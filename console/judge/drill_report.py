"""What came of a drill: verdict, measurements against budgets, invariants and a timeline. Values only.

Times of a report are relative to its beginning, on the session's clock; `uncertainty_ms` says how well a
node's clock could be compared with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from console.judge.denial import Denial
from console.judge.ending import UNDONE, verdict_word

CONSOLE = "console"


class Verdict(StrEnum):
    """The one word a pipeline reads."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    REFUSED = "refused"
    UNKNOWN = "unknown"

    @property
    def word(self) -> str:
        """As every text says it."""
        return verdict_word(self)


class FailureKind(StrEnum):
    """What was wrong, so that a slow pair is told apart from a wrong one."""

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
    as it was written. `path`: `farewell` (the priority-0 advert) or `timeout`, where that could be told.
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
    """Something that must hold during the whole drill. `holds` None: nobody can tell, and `text` says why."""

    name: str
    holds: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
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
    dark_ms: float
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
    live: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step as it went: stage is `done`, `failed`, `unknown` or `waiting`."""

    title: str
    node: str
    kind: str
    stage: str
    began_s: float | None
    took_s: float | None
    text: str


@dataclass(frozen=True, slots=True)
class DrillReport:
    """The whole account of one drill. `began_at` in epoch seconds.

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
    verdict: Verdict
    sentence: str
    failures: tuple[Failure, ...] = ()
    denials: tuple[Denial, ...] = ()
    steady: tuple[Invariant, ...] = ()
    measures: tuple[Measure, ...] = ()
    invariants: tuple[Invariant, ...] = ()
    steps: tuple[StepLine, ...] = ()
    timeline: tuple[Entry, ...] = ()
    client: ClientView | None = None
    nodes: tuple[NodeFacts, ...] = ()
    splits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    restored_by: str | None = None
    interrupted: bool = False
    notes: tuple[str, ...] = ()
    plan: Mapping[str, Any] | None = None
    stays: bool = False

    @property
    def put_back(self) -> bool:
        """Interrupted, and whole again by our own hands: no pass, and no failure of the pair either."""
        restored = self.restored_by in (None, CONSOLE) and not self.stays
        return self.interrupted and self.verdict is Verdict.FAIL and restored

    @property
    def ending(self) -> str:
        """As every text says it."""
        return UNDONE if self.put_back else self.verdict.word
