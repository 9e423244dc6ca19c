"""The `:` command line and the `/` filter. Types, completes and remembers; understands nothing."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from console.tui.command_line import History

Completer = Callable[[str], tuple[str, ...]]


class Mode(StrEnum):
    """What is being typed; the value is the sign before it."""

    COMMAND = ":"
    FILTER = "/"


class Prompt(Input):
    """One line of input. Hidden until opened."""

    DEFAULT_CSS = """
    Prompt, Prompt:focus {
        height: 1; border: none; padding: 0; width: 100%;
        background: $background; background-tint: $background 0%;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "earlier", "Earlier line", show=False),
        Binding("down", "later", "Later line", show=False),
        Binding("tab", "complete", "Complete", show=False),
        Binding("escape,ctrl+c", "cancel", "Cancel", show=False),
    ]

    class Typed(Message):
        """The text changed. `choices` are what it could become."""

        def __init__(self, mode: Mode, text: str, choices: tuple[str, ...]) -> None:
            super().__init__()
            self.mode, self.text, self.choices = mode, text, choices

    class Entered(Message):
        """Return was pressed."""

        def __init__(self, mode: Mode, text: str) -> None:
            super().__init__()
            self.mode, self.text = mode, text

    class Cancelled(Message):
        """Escape was pressed, or the sign itself was deleted."""

        def __init__(self, mode: Mode) -> None:
            super().__init__()
            self.mode = mode

    def __init__(self, ident: str | None = None) -> None:
        super().__init__(id=ident, compact=True)
        self.mode = Mode.COMMAND
        self.completer: Completer = lambda text: ()
        self._histories = {mode: History() for mode in Mode}
        self._offered: tuple[str, ...] = ()
        self._choice = -1
        self._completing = False

    def open(self, mode: Mode, text: str = "") -> None:
        """Takes the keys, for a command or for a filter."""
        self.mode = mode
        self.placeholder = "command" if mode is Mode.COMMAND else "filter"
        self.value = text
        self.cursor_position = len(text)
        self.display = True
        # At once, not by message: whoever types fast has typed on by then.
        self.screen.set_focus(self)
        self._typed()

    @property
    def text(self) -> str:
        return self.value

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._completing:
            self._completing = False
            return
        self._choice = -1
        self._typed()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._histories[self.mode].add(self.value)
        self.post_message(self.Entered(self.mode, self.value))

    def action_earlier(self) -> None:
        self._replace(self._histories[self.mode].earlier(self.value))

    def action_later(self) -> None:
        self._replace(self._histories[self.mode].later(self.value))

    def action_cancel(self) -> None:
        self.post_message(self.Cancelled(self.mode))

    def action_complete(self) -> None:
        """The only choice, or each choice in turn."""
        if not self._offered:
            return
        self._choice = (self._choice + 1) % len(self._offered)
        single = len(self._offered) == 1
        self._completing = not single
        self._replace(self._offered[self._choice])

    def action_delete_left(self) -> None:
        """Deleting past the beginning leaves the prompt, as in vi."""
        if not self.value:
            self.action_cancel()
        else:
            super().action_delete_left()

    def _replace(self, text: str) -> None:
        if text == self.value:
            self._completing = False
        self.value = text
        self.cursor_position = len(text)

    def _typed(self) -> None:
        self._offered = self.completer(self.value) if self.mode is Mode.COMMAND else ()
        self.post_message(self.Typed(self.mode, self.value, self._offered))
