"""The account of a run: what was planned, done, observed and undone. Frozen values; the fronts paint them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from iamops.model.exit_code import ExitCode
from iamops.model.outage import GapReport
from iamops.plan.action import ALLOWANCE_S, Action
from iamops.plan.denial import Denial
from iamops.plan.steps import Forecast, Plan, Step, StepKind, Undo


class Outcome(StrEnum):
    """How a run ended. `unknown`: a command was sent and nobody saw what came of it."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    REFUSED = "refused"


class Stage(StrEnum):
    """Where one step is."""

    WAITING = "waiting"
    RUNNING = "running"
    OBSERVING = "observing"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Phase(StrEnum):
    """Where a run is."""

    PLANNING = "planning"
    LOCKING = "locking"
    LOOKING = "looking again"
    ACTING = "acting"
    UNDOING = "undoing"
    WATCHING = "watching"
    OVER = "over"


class RestoredBy(StrEnum):
    """Who brought the service back after a run that did not succeed."""

    CONSOLE = "console"
    DEAD_MAN = "dead-man"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step so far. Times are session time; `text` is the observation or the complaint.

    `output` is what a step that asks was answered, as JSON.
    """

    step: Step
    stage: Stage = Stage.WAITING
    began: float | None = None
    ended: float | None = None
    text: str = ""
    output: str = ""

    @property
    def over(self) -> bool:
        return self.stage in (Stage.DONE, Stage.FAILED, Stage.UNKNOWN)

    @property
    def took_s(self) -> float | None:
        return None if self.began is None or self.ended is None else round(self.ended - self.began, 3)

    def began_s(self, since: float) -> float | None:
        """Seconds after `since`."""
        return None if self.began is None else round(self.began - since, 3)


@dataclass(frozen=True, slots=True)
class UndoReport:
    """One undo that was carried out, or that was left to the node's timer."""

    undo: Undo
    stage: Stage
    text: str = ""


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run at one time; the last one, with an outcome, is its result.

    After a run that did not succeed, `files`: node -> which files of a push it has (`new`, `old`, `neither`,
    `unseen`); `moved_vips`: which VIPs are not where they were before it, a sentence each.
    """

    run: str
    action: Action
    began: float
    phase: Phase = Phase.PLANNING
    plan: Plan | None = None
    steps: tuple[StepReport, ...] = ()
    undone: tuple[UndoReport, ...] = ()
    outcome: Outcome | None = None
    sentence: str = ""
    denials: tuple[Denial, ...] = ()
    restored_by: RestoredBy | None = None
    ended: float | None = None
    gap: GapReport | None = None
    interrupted: bool = False
    notes: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    moved_vips: tuple[str, ...] = ()

    @property
    def stays(self) -> tuple[str, ...]:
        """What was done and was not taken back when a later step failed, or cannot be taken back."""
        done = [s.step for s in self.steps if s.stage is Stage.DONE and s.step.kind is StepKind.DO]
        cleared = {name for step in done if step.requires_undo is None for name in step.all_clears_undo}
        cleared |= {report.undo.name for report in self.undone if report.stage is Stage.DONE}
        return tuple(step.title for step in done if _stands(step, cleared))

    @property
    def not_undone(self) -> tuple[str, ...]:
        """What a run that did not succeed has left, sentence by sentence."""
        return () if self.outcome in (None, Outcome.SUCCEEDED) else (*self.stays, *self.moved_vips)

    @property
    def taken_back(self) -> bool:
        """Whether everything is as it was before, as far as anything was changed at all."""
        if self.outcome is Outcome.REFUSED:
            return True
        back = self.restored_by is not RestoredBy.NOBODY and not self.not_undone
        return self.outcome is Outcome.FAILED and back

    @property
    def put_back(self) -> bool:
        """Interrupted, and all as before: no success, and no failure either."""
        return self.interrupted and self.outcome is Outcome.FAILED and self.taken_back

    @property
    def ending(self) -> str:
        """The outcome in a person's word; empty while it runs."""
        return "undone" if self.put_back else str(self.outcome or "")

    @property
    def exit_code(self) -> ExitCode:
        """0 is only ever a success. 130 promises that everything is as it was before."""
        if self.interrupted and self.taken_back:
            return ExitCode.INTERRUPTED
        match self.outcome:
            case Outcome.SUCCEEDED:
                return ExitCode.OK
            case Outcome.FAILED:
                return ExitCode.CHECK_FAILED
            case Outcome.REFUSED:
                return refusal_code(self.denials)
        return ExitCode.UNKNOWN


def refusal_code(denials: Iterable[Denial]) -> ExitCode:
    unreachable = any(denial.code == "node-unreachable" for denial in denials)
    return ExitCode.UNREACHABLE if unreachable else ExitCode.REFUSED


def _stands(step: Step, cleared: Collection[str]) -> bool:
    """What ends what it began, as a restart does, is over; what was disarmed was to stay."""
    if step.requires_undo is None:
        return not step.all_clears_undo and step.puts_back is None
    return step.requires_undo in step.all_clears_undo or step.requires_undo not in cleared


# How a run ended, in the word a person is told: of a ledger's record, as its result said it. Pure.

UNDONE = "undone"
# A run that is over leaves no step waiting or running.
LEFT = {"waiting": "not done", "running": "stopped", "observing": "stopped"}


def ending_of(record: Mapping[str, object]) -> str:
    """The outcome, or `undone` of a run that was interrupted and put back; empty where no outcome stands."""
    outcome = record.get("outcome")
    if record.get("interrupted") is True and outcome == "failed":
        left = record.get("restored_by") == RestoredBy.NOBODY or bool(record.get("not_undone"))
        return str(outcome) if left else UNDONE
    return "" if outcome is None else str(outcome)


def drill_ending_of(document: Mapping[str, object]) -> str:
    """The same of a drill's report: `passed`, `failed`, `undone`, `refused` or `unknown`."""
    undone = document.get("interrupted") is True and document.get("exit_code") == ExitCode.INTERRUPTED
    return UNDONE if undone else verdict_word(str(document.get("verdict")))


def verdict_word(verdict: str) -> str:
    """`pass` in a document is `passed` in a sentence."""
    return {"pass": "passed", "fail": "failed"}.get(verdict, verdict)


def stage_word(stage: str) -> str:
    """Where a step was left when its run was over."""
    return LEFT.get(stage, stage)


def beyond(gap: GapReport, forecast: Forecast) -> str | None:
    """What was lost beyond the forecast, as a sentence; None where it held, or where nothing was forecast.

    Many short gaps are as bad as a long one: their sum is what counts.
    """
    if forecast.gap_s is None or gap.total_ms is None:
        return None
    allowed_ms = (forecast.gap_s + ALLOWANCE_S) * 1000 + (gap.resolution_ms or 0.0)
    if gap.total_ms <= allowed_ms:
        return None
    kinds = ((gap.refused, "refused"), (gap.no_answer, "unanswered"), (gap.wrong, "answered wrongly"))
    counts = ", ".join(f"{count} {word}" for count, word in kinds if count)
    forecast_ms = forecast.gap_s * 1000
    failed_ms = gap.total_ms
    return f"a client got no good answer for {failed_ms:.0f} ms ({counts}); the forecast was {forecast_ms:.0f} ms"
