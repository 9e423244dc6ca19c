"""The live panel of a run or a drill. It can be left while the run goes on; stopping a run undoes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.events import Key
from textual.widgets import Static

from iamops.tui.dialogs.progress import run_lines
from iamops.tui.drills.run import drill_lines
from iamops.tui.toolkit.dialog import BORDER, Dialog, plain, toned
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.text import Line, TextSpan, Tone

if TYPE_CHECKING:
    from iamops.tui.app.controller import CurrentRun

REFRESH_S = 0.1
# The line that names the keys.
CONTROLS = 1


class RunScreen(Dialog[None]):
    """Shows the newest report ten times a second: steps, timers, and the gap as it is measured."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Close", show=False),
        Binding("x", "stop", "Undo and stop", show=False),
        Binding("ctrl+c", "interrupt", "Undo and stop", show=False, priority=True),
    ]

    def __init__(self, run: CurrentRun, now: Callable[[], float], palette: Palette) -> None:
        super().__init__()
        self._run = run
        self._now = now
        self._palette = palette
        self._asked_to_stop = False
        self._notice = ""
        # What the screen was drawn for last, of a run that had ended: it need not be drawn again.
        self._drawn_for: tuple[int, int, str] | None = None
        # Held, not queried: a console that closes while this opens has no widgets any more.
        self._box, self._account, self._foot = Vertical(), Static(), Static()

    def compose(self) -> ComposeResult:
        with self._box:
            with VerticalScroll(id="account"):
                yield self._account
            yield self._foot

    def on_mount(self) -> None:
        self._show()
        self.set_interval(REFRESH_S, self._show)

    def _show(self) -> None:
        run, (width, height) = self._run, self.app.size
        drawn_for = None if run.active else (width, height, self._notice)
        if drawn_for is not None and drawn_for == self._drawn_for:
            return
        self._drawn_for = drawn_for
        if run.order is not None:
            self._box.border_title = plain(run.order.action.sentence)
        # A run that ended with an error of ours has an account only up to that.
        failure: tuple[Line, ...] = ((TextSpan(run.failure, Tone.DOWN),),) if run.failure else ()
        lines = (*failure, *self._account_lines(self.text_width, height - CONTROLS - BORDER))
        self._account.update(toned(lines, self._palette))
        self.fit(self._box, len(lines), CONTROLS)
        self._foot.update(Text(self._keys(), self._palette.tones[Tone.MUTED]))

    def _account_lines(self, width: int, room: int) -> tuple[Line, ...]:
        run, now = self._run, self._now()
        if run.drill is not None:
            return drill_lines(run.drill, run.began, now, width, room)
        if run.report is not None:
            return run_lines(run.report, now, width)
        return ((TextSpan("▶ asking the nodes", Tone.ACCENT),),) if run.active else ()

    def _keys(self) -> str:
        if not self._run.active:
            return self._notice or "Esc closes · c copies the command · j k scroll"
        if self._run.stopping:
            return "undoing…"
        if self._notice:
            return self._notice
        if self._asked_to_stop:
            return "x again: undo and stop · any other key: go on"
        return "Esc leaves it running · x undo and stop · c copies the command"

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_stop(self) -> None:
        """Asked twice: an undone switchover is two more moves of keepalived."""
        if not self._run.active:
            return
        if self._asked_to_stop:
            self._run.stop()
        self._asked_to_stop = True
        self._notice = ""
        self._show()

    def action_interrupt(self) -> None:
        """As in a shell: at once. Where nothing runs, the panel is left."""
        if not self._run.active:
            self.dismiss(None)
        self._run.stop()
        self._show()

    def action_copy(self) -> None:
        if self._run.order is not None:
            self.app.copy_to_clipboard(self._run.order.command)
            self._notice = f"copied: {self._run.order.command}"
            self._show()

    def on_key(self, event: Key) -> None:
        """Any key but the second x means: go on."""
        if event.key not in ("x", "ctrl+c"):
            self._asked_to_stop = False
        self._notice = ""
