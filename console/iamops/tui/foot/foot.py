"""The foot of the screen: messages and details, the prompt over them, and the key hints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message

from iamops.model.facts import Severity
from iamops.tui.app.actions import ActionContext
from iamops.tui.app.commands import CommandError, completions, parse_command
from iamops.tui.foot.lines import KeyHints, Mode, Prompt, StatusLine
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.pane import Pane


class Foot(Container):
    """Two lines. While something is typed, the prompt covers the first one."""

    DEFAULT_CSS = """
    Foot { height: 2; width: 100%; background: $background; overflow: hidden; }
    Foot > * { position: absolute; }
    Foot > KeyHints { offset: 0 1; }
    Foot > Prompt { offset: 2 0; }
    """

    @dataclass
    class Asked(Message):
        """A command was typed that is to be performed."""

        name: str
        argument: str

    @dataclass
    class Narrowed(Message):
        """The filter changed."""

        filter_text: str

    @dataclass
    class Filtered(Message):
        """The filter was typed to its end."""

        text: str

    def __init__(self, ident: str, context: Callable[[], ActionContext]) -> None:
        super().__init__(id=ident)
        self._action_context = context
        self.status = StatusLine("status")
        self.hints = KeyHints("hints")
        self._prompt = Prompt("prompt", lambda text: completions(text, context()))
        # The pane that had the focus before the prompt took the keys.
        self.interrupted: Pane | None = None

    def compose(self) -> ComposeResult:
        self._prompt.display = False
        yield self.status
        yield self.hints
        yield self._prompt

    def set_theme(self, palette: Palette) -> None:
        self.status.set_theme(palette)
        self.hints.set_theme(palette)

    def open(self, mode: Mode, text: str, pane: Pane | None) -> None:
        """Takes the keys; `pane` gets them back, or the first one."""
        self.interrupted = pane or next(shown for shown in self.screen.query(Pane) if shown.display)
        self.status.clear()
        self.status.show_sign(mode.value)
        self._prompt.open(mode, text)

    def _close(self) -> None:
        self.hints.show_choices(())
        self.status.show_sign("")
        # At once, not by message: hiding the prompt while it has the focus would send it elsewhere.
        self.screen.set_focus(self.interrupted)
        self._prompt.display = False
        self.interrupted = None

    def on_prompt_typed(self, event: Prompt.Typed) -> None:
        event.stop()
        self.hints.show_choices(event.choices)
        if event.mode is Mode.FILTER:
            self.post_message(self.Narrowed(event.text))

    def on_prompt_entered(self, event: Prompt.Entered) -> None:
        event.stop()
        context = self._action_context()
        self._close()
        if event.mode is Mode.FILTER:
            self.post_message(self.Filtered(event.text))
            return
        if not event.text.strip():
            return
        try:
            action, argument = parse_command(event.text, context)
        except CommandError as error:
            self.status.say(str(error), Severity.WARNING)
        else:
            self.post_message(self.Asked(action.name, argument))

    def on_prompt_cancelled(self, event: Prompt.Cancelled) -> None:
        event.stop()
        if event.mode is Mode.FILTER:
            self.post_message(self.Narrowed(""))
        self._close()
