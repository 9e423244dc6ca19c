"""The findings: causes with their symptoms below them, then what cannot be told."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from console.judge.standing import tally
from console.tui.view.dirty import Part
from console.tui.view.finding import all_clear
from console.tui.view.moment import Moment
from console.tui.view.rows import Picture, Row, Rows
from console.tui.view.tone import Line, Span, Tone
from console.tui.view.triage import Entered, entered, entry_row, hidden_words, looked_line
from console.tui.widgets.pane import Pane


class TriageList(Pane):
    """One line a finding; everything about the one under the cursor stands below."""

    PART = Part.FINDING
    FILTERED = True
    NAME = "Triage"
    ABOUT = (
        "What is wrong, the worst first; what follows from a finding stands under it (└). The live state is "
        "judged all the time; a deep look (journals, files, logs) is taken when this is opened and with ^R, and "
        "its age stands above. Lines with ? cannot be told, and why. c copies the next command, Enter goes to "
        "where the finding is seen, Space and b read on below."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "app.perform('evidence')", "Its evidence", show=False)
    ]

    def __init__(self, ident: str) -> None:
        super().__init__(ident)
        self.looking = False
        self.problem = ""
        self._entries: tuple[Entered, ...] = ()
        self._wanted = ""
        self.hidden = 0

    @property
    def chosen(self) -> Entered | None:
        """The line under the cursor."""
        row = self._row_under_cursor()
        return next((each for each in self._entries if row is not None and each.key == row.key), None)

    def seek(self, key: str) -> None:
        """Puts the cursor on a finding as soon as it is in the list."""
        self._wanted = key
        self.repaint()

    def move(self, dx: int, dy: int) -> None:
        self._wanted = ""
        super().move(dx, dy)

    def picture(self, moment: Moment, width: int, height: int) -> Picture:
        every = entered(moment)
        self._entries = tuple(each for each in every if _passes(each, moment))
        if self._wanted and any(each.key == self._wanted for each in self._entries):
            self._key, self._wanted = self._wanted, ""
        self.hidden = _findings(every) - _findings(self._entries)
        marks = looked_line(moment, self.looking, self.problem)
        title = (Span(f"TRIAGE {tally(moment.findings)}", Tone.TITLE),)
        rows = [entry_row(each, moment, width) for each in self._entries]
        if self.hidden:
            rows.append(Row("", (Span(f" ▲ {hidden_words(self.hidden, moment)}", Tone.WARN),)))
        elif not rows:
            nothing: Line = (Span(" nothing matches the filter", Tone.MUTED),) if every else all_clear(moment)
            rows.append(Row("", nothing))
        return Picture(title, rows=Rows.of(rows), marks=marks)


def _findings(entries: tuple[Entered, ...]) -> int:
    return sum(each.finding is not None for each in entries)


def _passes(entry: Entered, moment: Moment) -> bool:
    """By what the filter is typed for: code, node, title, reason."""
    if entry.dark is not None:
        return moment.keeps((entry.dark.because, entry.dark.node or "", *entry.dark.codes))
    finding = entry.finding
    return finding is None or moment.keeps((finding.code, finding.node or "", finding.title, finding.next))
