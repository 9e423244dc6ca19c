"""Ends the console: at once, or as soon as a run under way has been undone."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rich.text import Text

from iamops.model.facts import Severity
from iamops.model.safe_text import safe_lines
from iamops.session.patience import own_fault, traceback_of
from iamops.session.private_files import private_directory, write_private
from iamops.session.user import state_dir

if TYPE_CHECKING:
    from iamops.tui.app.orders import ActionController


QUIT_AGAIN_S = 5.0


class ShutdownHost(Protocol):
    """What is needed of the console."""

    def exit(self, result: None = ..., return_code: int = ...) -> None: ...

    def say(self, text: str, severity: Severity = ...) -> None: ...


class Shutdown:
    """Begun by `quit` or `begin`, ended by whoever calls `proceed` when a run is over.

    `orders()` is None as long as nothing was loaded that could act.
    """

    def __init__(
        self, host: ShutdownHost, orders: Callable[[], ActionController | None], now: Callable[[], float]
    ) -> None:
        self._host, self._orders, self._now = host, orders, now
        self._quit_asked_at = float("-inf")
        self._begun = False
        self.waited = False

    def quit(self) -> None:
        """At once, unless that would undo something: then it takes a second time."""
        now, orders = self._now(), self._orders()
        if orders is not None and orders.acting.active and now - self._quit_asked_at > QUIT_AGAIN_S:
            self._quit_asked_at = now
            self._host.say(
                f"{orders.acting.running} is under way: press q again to undo it and quit", Severity.WARNING
            )
            return
        self.begin()

    def begin(self) -> None:
        """Has a run under way undone first, and ends with its exit code. Safe to call from a signal."""
        orders = self._orders()
        if orders is None or not orders.acting.active:
            self._host.exit(return_code=orders.exit_code if orders is not None and self._begun else 0)
            return
        self._begun = self.waited = True
        orders.acting.stop()
        orders.show_run()

    def proceed(self) -> None:
        """Something about the run is different; if it is over and was in the way, the console ends."""
        orders = self._orders()
        if self._begun and not (orders is not None and orders.acting.active):
            self.begin()


# The console's own errors. Textual would print every local variable on the way: answers of nodes, passwords.


def crash_report(error: BaseException | None) -> Text:
    """What is left on the terminal when the console is gone."""
    if error is None:
        return Text("iamops: ended by an error that was not told")
    return Text(safe_lines(f"{traceback_of(error)}iamops: {own_fault(error)}"))


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
    """Writes a picture that only its owner can read; returns why it could not be written, if so."""
    try:
        write_private(path, svg)
    except OSError as error:
        return f"not saved: {error.filename}: {error.strerror}"
    return None


def self_contained(svg: str) -> str:
    """The same picture without fonts from the web, so that whoever opens it calls no one.

    No character in it moves or hides others. Spaces are marked as meant: some renderers drop them at the start of
    a text, and columns shift.
    """
    return safe_lines(_FONT_FACE.sub("", svg)).replace("<text ", '<text xml:space="preserve" ')
