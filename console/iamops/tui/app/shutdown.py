"""Ends the console: at once, or as soon as a run under way has been undone."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from iamops.model.facts import Severity
from iamops.model.text import safe_lines
from iamops.session.faults import fault_text, traceback_of
from iamops.session.user_files import private_directory, state_dir, write_private

if TYPE_CHECKING:
    from iamops.tui.app.app import ConsoleApp


QUIT_AGAIN_S = 5.0


class Shutdown:
    """Begun by `quit` or `begin`; the console calls `proceed` when a run is over."""

    def __init__(self, app: ConsoleApp, now: Callable[[], float]) -> None:
        self._app, self._now = app, now
        self._quit_asked_at = float("-inf")
        self.waited = False

    def quit(self) -> None:
        """At once, unless that would undo something: then it takes a second time."""
        now, controller = self._now(), self._app.controller_so_far
        if controller is None or not controller.run.active or now - self._quit_asked_at <= QUIT_AGAIN_S:
            self.begin()
            return
        self._quit_asked_at = now
        running = controller.run.running
        self._app.say(f"{running} is under way: press q again to undo it and quit", Severity.WARNING)

    def begin(self) -> None:
        """Has a run under way undone first, and ends with its exit code. Safe to call from a signal."""
        controller = self._app.controller_so_far
        if controller is None or not controller.run.active:
            self._app.exit(return_code=controller.run.exit_code if controller is not None and self.waited else 0)
            return
        self.waited = True
        controller.run.stop()
        controller.show_run()

    def proceed(self) -> None:
        """Something about the run is different; if it is over and was in the way, the console ends."""
        if self.waited and not self._app.acting:
            self.begin()


# The console's own errors. Textual would print every local variable on the way: answers of nodes, passwords.


def crash_report(error: BaseException | None) -> Text:
    """What is left on the terminal when the console has closed."""
    if error is None:
        return Text("iamops: ended by an error that was not told")
    return Text(safe_lines(f"{traceback_of(error)}iamops: {fault_text(error)}"))


# Where an exported screen goes, and what must not be in it.

_FONT_FACE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


def export_path(profile: str, at: float) -> Path:
    """A file in the user's state directory; in the working directory if that cannot be written."""
    directory = state_dir() / "screens"
    try:
        private_directory(directory)
    except OSError:
        directory = Path.cwd()
    if not os.access(directory, os.W_OK):
        directory = Path.cwd()
    stamp = datetime.fromtimestamp(at, tz=UTC).strftime("%Y%m%dT%H%M%SZ")
    return directory / f"iamops-{profile}-{stamp}.svg"


def save(svg: str, path: Path) -> str | None:
    """Writes a file that only its owner can read; returns why it could not be written, if so."""
    try:
        write_private(path, svg)
    except OSError as error:
        return f"not saved: {error.filename}: {error.strerror}"
    return None


def self_contained(svg: str) -> str:
    """The same picture without fonts from the web: opening it makes no request.

    No character in it moves or hides others. Spaces are marked as meant: some renderers drop them at the start of
    a text, and columns shift.
    """
    return safe_lines(_FONT_FACE.sub("", svg)).replace("<text ", '<text xml:space="preserve" ')
