"""The nodes' files, those that need a look first."""

from __future__ import annotations

from console.judge.config_sight import ConfigSight, FileSight
from console.tui.view.config import HEADINGS, file_row, told, verdict
from console.tui.view.dirty import Part
from console.tui.view.moment import Moment
from console.tui.view.rows import Picture, Rows
from console.tui.view.tone import Span, Tone
from console.tui.widgets.pane import Pane


class ConfigList(Pane):
    """One line a file; what a push would change in the one under the cursor stands below."""

    PART = Part.CONFIG
    FILTERED = True
    NAME = "Config"
    ABOUT = (
        "Every managed file of every node beside what the profile asks for, and what lint says of it. P pushes, "
        "once armed: staged and checked on every node first, the VIP's owner last, taken back unless it proves "
        "good. Below stands what a push would change in the file under the cursor; Space and b read on. Passwords "
        "are never shown. ^R reads the nodes again."
    )

    def __init__(self, ident: str) -> None:
        super().__init__(ident)
        self._sight = ConfigSight()

    def turn_to(self, sight: ConfigSight) -> None:
        self._sight = sight
        self.repaint()

    @property
    def chosen(self) -> FileSight | None:
        """The file under the cursor."""
        row = self._row_under_cursor()
        return next((file for file in self._sight.files if row is not None and file.key == row.key), None)

    def picture(self, moment: Moment, width: int, height: int) -> Picture:
        files = [file for file in self._sight.files if moment.keeps(told(file))]
        rows = Rows((file.key for file in files), lambda n: file_row(files[n], width))
        return Picture((Span("CONFIG", Tone.TITLE),), rows=rows, marks=verdict(self._sight), overlays=HEADINGS)
