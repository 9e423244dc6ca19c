"""The terminal as the console uses it: drawing never waits for it, and its end is noticed."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from rich.cells import cell_len
from rich.segment import Segment
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.color import Color
from textual.drivers.linux_driver import LinuxDriver
from textual.filter import LineFilter

from iamops.model.facts import Severity
from iamops.model.text import is_safe, thinned
from iamops.session.outlet import Outlet

if TYPE_CHECKING:
    from iamops.tui.app.app import ConsoleApp

POLL_S = 0.1
READ_BYTES = 4096
# How long the last frames may take when the console is closed or suspended.
LAST_FRAMES_S = 0.3
# What is written while the terminal does not read for hours must not fill our memory.
BACKLOG_MAX = 1 << 20
ALTERNATE_SCREEN, NO_CURSOR = "\x1b[?1049h", "\x1b[?25l"


class ConsoleDriver(LinuxDriver):
    """Textual's own waits when its short queue is full, and with it the loop that the engine runs in.

    Here a frame that the terminal has no time for is left out (`behind`), and everything is drawn again once it
    reads. Signals are handled in the loop: nothing of ours is interrupted half-way.
    """

    def __init__(self, app: App[Any], **kinds: Any) -> None:
        super().__init__(app, **kinds)
        self._console = cast("ConsoleApp", app)
        assert sys.__stderr__ is not None  # noqa: S101 - it is a terminal, or we would not be here
        self._encoding = sys.__stderr__.encoding
        self._outlet = Outlet(sys.__stderr__.fileno(), emptied=self._caught_up, broken=self._lost)
        self._missed = self._suspended = self._away = False
        self._loop.add_signal_handler(signal.SIGTSTP, self._asked_to_suspend)
        self._loop.add_signal_handler(signal.SIGCONT, self._continued)

    # --- drawing ---

    @property
    def behind(self) -> bool:
        """Whether a frame had better not be drawn now."""
        return self._away or self._outlet.behind

    def miss(self) -> None:
        """A frame was left out: everything is drawn again when the terminal has read what waits."""
        self._missed = True
        if not self._outlet.pending:
            self._caught_up()

    def write(self, data: str) -> None:
        if self._outlet.pending < BACKLOG_MAX:
            self._outlet.write(data.encode(self._encoding, "backslashreplace"))

    def close(self) -> None:
        super().close()
        self._outlet.wait_empty(LAST_FRAMES_S)

    def _caught_up(self) -> None:
        if self._missed and not self._away and not self._outlet.closed:
            self._missed = False
            self._soon(self._console.repaint)

    # --- typing ---

    def start_application_mode(self) -> None:
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual gives it no types
        # In the background we may draw and ask: to be stopped for it would stop an action too.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)

    def run_input_thread(self) -> None:
        """Ends with the terminal, where Textual's own would ask for its end again and again."""
        parser, decode = XTermParser(self._debug), getincrementaldecoder("utf-8")("replace").decode
        while not self.exit_event.is_set():
            if self._in_background():
                self._away = True
                self.exit_event.wait(POLL_S)
                continue
            if self._away:
                self._soon(self._claim)
            typed = self._typed()
            if typed is None:
                self._lost()
                return
            text = decode(typed)
            # An empty text would be the end of everything for the parser.
            for message in (*(parser.feed(text) if text else ()), *parser.tick()):
                self.process_message(message)

    def _typed(self) -> bytes | None:
        """What was typed within POLL_S; None when the terminal has closed."""
        try:
            ready, _, _ = select.select([self.fileno], [], [], POLL_S)
            return (os.read(self.fileno, READ_BYTES) or None) if ready else b""
        except BlockingIOError:
            return b""
        except OSError:
            return b"" if self._in_background() else None

    def _in_background(self) -> bool:
        """Another job of the shell has the terminal. 0: its shell is of another PID namespace than we are."""
        try:
            return os.tcgetpgrp(self.fileno) not in (0, os.getpgrp())
        except OSError:
            return False

    def _lost(self) -> None:
        """Nothing can be asked any more: the same as a SIGHUP, which may come too, or not."""
        self._soon(self._console.shutdown.begin)

    def _soon(self, call: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it whatever this was for
            self._loop.call_soon_threadsafe(call)

    # --- being stopped ---

    def _asked_to_suspend(self) -> None:
        if self._console.acting:
            text = "not suspended while an action is under way; x in its panel undoes it"
            self._console.say(text, Severity.WARNING)
            return
        self.suspend_application_mode()
        self._suspended = True
        os.kill(os.getpid(), signal.SIGSTOP)

    def _continued(self) -> None:
        """A terminal that is closed continues us too: there is nothing to be drawn on then."""
        if self._outlet.closed or not os.isatty(self.fileno):
            return
        if self._suspended:
            self._suspended = False
            self.resume_application_mode()
            self._console.repaint()
        else:
            self._claim()

    def _claim(self) -> None:
        """While we were stopped, a shell may have set the terminal's modes and written on it."""
        self._away = self._in_background()
        if self._away:
            return
        with suppress(termios.error):
            modes = termios.tcgetattr(self.fileno)
            modes[tty.LFLAG] = self._patch_lflag(modes[tty.LFLAG])
            modes[tty.IFLAG] = self._patch_iflag(modes[tty.IFLAG])
            termios.tcsetattr(self.fileno, termios.TCSANOW, modes)
        self.write(ALTERNATE_SCREEN + NO_CURSOR)
        self._enable_mouse_support()
        self._enable_bracketed_paste()
        self._disable_line_wrap()
        self._console.repaint()


class Harmless(LineFilter):
    """The edge of the screen: no text of any widget reaches the terminal with controls in it.

    Textual writes what it is given. Views make foreign text readable before they measure it; other text keeps its
    width here, and nothing else.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if all(is_safe(segment.text) for segment in segments if not segment.control):
            return segments
        return [s if s.control else Segment(_visible(s.text), s.style) for s in segments]


def _visible(text: str) -> str:
    characters = thinned(text, counted=False)
    return "".join(char if is_safe(char) else "\ufffd" * cell_len(char) for char in characters)
