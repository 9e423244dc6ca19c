"""The runs of the ledger, newest first."""

from __future__ import annotations

from console.ledger.page import Page
from console.ledger.runs import LedgerRun
from console.tui.view.audit import newest_first, run_row, told, verdict_span
from console.tui.view.dirty import Part
from console.tui.view.moment import Moment
from console.tui.view.rows import Picture, Rows
from console.tui.view.tone import Span, Tone
from console.tui.widgets.pane import Pane


class AuditList(Pane):
    """One line a run; the story of the one under the cursor stands below."""

    PART = Part.AUDIT
    FILTERED = True
    NAME = "Audit"
    ABOUT = (
        "Every action that was asked for on this machine: when, with which outcome, by whom and why. The "
        "ledger is a chain of hashes; the title says whether it is intact. c copies the command of the run "
        "under the cursor."
    )

    def __init__(self, ident: str) -> None:
        super().__init__(ident)
        self._page: Page | None = None
        self._runs: tuple[LedgerRun, ...] = ()

    def turn_to(self, page: Page) -> None:
        """Shows another state of the ledger."""
        self._page = page
        self._runs = newest_first(page.records)
        self.repaint()

    @property
    def chosen(self) -> LedgerRun | None:
        """The run under the cursor."""
        row = self._row_under_cursor()
        return next((run for run in self._runs if row is not None and run.run == row.key), None)

    def picture(self, moment: Moment, width: int, height: int) -> Picture:
        runs = [run for run in self._runs if moment.keeps(told(run))]
        rows = Rows((run.run for run in runs), lambda n: run_row(runs[n], width))
        marks = (verdict_span(self._page.verdict),) if self._page else ()
        return Picture((Span("AUDIT", Tone.TITLE),), rows=rows, marks=marks)
