"""One run or drill at a time: begins it, keeps its newest report, and has it undone when we leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from iamops.engine.ports import Order
from iamops.judge.drill.account import DrillProgress
from iamops.judge.drill.report import DrillVerdict
from iamops.judge.run import Outcome, RunReport
from iamops.model.exit_code import ExitCode
from iamops.model.facts import Severity
from iamops.plan.action import DrillAction, NoSuchTarget
from iamops.report.run import exit_code
from iamops.tui.dialogs.progress import run_summary
from iamops.tui.drills.run import drill_summary

if TYPE_CHECKING:
    from iamops.session.operator import Operator

# Every other end is critical.
OUTCOME_SEVERITIES = {Outcome.SUCCEEDED: Severity.INFO, Outcome.REFUSED: Severity.WARNING}
VERDICT_SEVERITIES = {DrillVerdict.PASS: Severity.INFO, DrillVerdict.REFUSED: Severity.WARNING}


class CurrentRun:
    """The run under way, or the last one. `on_progress()` is called at every report, `on_end()` at its end.

    `began` is when it was asked for, in session time: the zero of a drill's timeline.
    """

    def __init__(self, operator: Operator, on_progress: Callable[[], None], on_end: Callable[[], None]) -> None:
        self.order: Order | None = None
        self.report: RunReport | None = None
        self.drill: DrillProgress | None = None
        self.failure = ""
        self.began = 0.0
        self.stopping = False
        self._operator = operator
        self._on_progress = on_progress
        self._on_end = on_end
        self._task: asyncio.Task[None] | None = None

    @property
    def active(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def running(self) -> str:
        """The action under way in words, or an empty text."""
        return self.order.action.sentence if self.active and self.order is not None else ""

    def begin(self, order: Order, now: float) -> None:
        """Starts a run. There must be none under way."""
        assert not self.active  # noqa: S101 - the front asks first
        self.order, self.report, self.drill, self.failure = order, None, None, ""
        self.began, self.stopping = now, False
        self._task = asyncio.get_running_loop().create_task(self._run(order), name=f"run {order.run}")
        self._task.add_done_callback(lambda task: self._on_end())

    def stop(self) -> None:
        """Has the run undone; it goes on until that is done. Asking again must not cut the undoing short."""
        if self._task is not None and self.active and not self.stopping:
            self.stopping = True
            self._task.cancel()

    async def end(self) -> None:
        """Has the run undone, and waits for it."""
        self.stop()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, order: Order) -> None:
        """A worker's edge: what goes wrong in a run is shown, not raised. The engine has undone it by then."""
        try:
            if isinstance(order.action, DrillAction):
                judged = await self._operator.drills.run(order, self._drill_progressed)
                # The final report may say more than the last progress did.
                if self.drill is not None:
                    self.drill = replace(self.drill, report=judged)
            else:
                self.report = await self._operator.run(order, self._progressed)
        except NoSuchTarget as error:
            self.failure = str(error)
        except Exception as error:
            self.failure = f"{order.action.sentence}: {str(error) or type(error).__name__}"

    def _drill_progressed(self, progress: DrillProgress) -> None:
        self.drill = progress
        self._progressed(progress.run)

    def _progressed(self, report: RunReport) -> None:
        self.report = report
        self._on_progress()

    # --- how the last run ended ---

    @property
    def exit_code(self) -> int:
        """What a shell command would have returned for the last run."""
        if self.failure:
            return ExitCode.UNKNOWN
        if self.drill is not None and self.drill.report is not None:
            return exit_code(self.drill.report)
        return exit_code(self.report) if self.report is not None else ExitCode.INTERRUPTED

    @property
    def summary(self) -> str:
        if self.failure:
            return self.failure
        if self.drill is not None and self.drill.report is not None:
            return drill_summary(self.drill.report)
        return run_summary(self.report) if self.report is not None else "the run was stopped before it began"

    @property
    def last_words(self) -> str:
        """The summary for the terminal, once the screen is closed."""
        return f"{self.summary} (audit {self.report.run})" if self.report is not None else self.summary

    @property
    def severity(self) -> Severity:
        """How loudly the end of the last run is reported."""
        judged, report = self.drill.report if self.drill is not None else None, self.report
        if judged is not None and not self.failure:
            by_verdict = VERDICT_SEVERITIES.get(judged.verdict, Severity.CRITICAL)
            return Severity.WARNING if judged.put_back else by_verdict
        if report is None or report.outcome is None or report.put_back:
            return Severity.WARNING
        return OUTCOME_SEVERITIES.get(report.outcome, Severity.CRITICAL)
