"""The lines of the foot: status above key hints, and the prompt over the status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from iamops.model.facts import Severity
from iamops.tui.app.actions import OVERVIEW, ActionContext, ConsoleAction, hints, key_name
from iamops.tui.app.commands import History
from iamops.tui.toolkit.health import SEVERITY_GLYPHS
from iamops.tui.toolkit.painted import Painted
from iamops.tui.toolkit.text import EMPTY, Line, TextSpan, Tone, first_fitting

TOAST_S = 6.0


class StatusLine(Painted):
    """Toast, or warning and detail. A toast gives way after a few seconds, or to Esc."""

    def __init__(self, ident: str | None = None) -> None:
        super().__init__(ident)
        self._toast: Line = EMPTY
        self._detail = ""
        self._warning = ""
        self._sign = ""
        self._toasts = 0

    def say(self, text: str, severity: Severity) -> None:
        glyph, tone = ("✓", Tone.ACCENT) if severity is Severity.INFO else SEVERITY_GLYPHS[severity]
        self._toast = (TextSpan(f" {glyph} ", tone), TextSpan(text))
        self._toasts += 1
        number = self._toasts
        self.set_timer(TOAST_S, lambda: self.clear(number))
        self.repaint()

    def clear(self, number: int | None = None) -> bool:
        """Takes the message away; with a number, only if it is still that one."""
        if not self._toast or (number is not None and number != self._toasts):
            return False
        self._toast = EMPTY
        self.repaint()
        return True

    def show_sign(self, sign: str) -> None:
        """Shows the prompt's sign and nothing else; an empty sign ends that."""
        self._sign = sign
        self.repaint()

    def warn(self, warning: str) -> None:
        """Shows a warning before the detail, until there is none."""
        if warning != self._warning:
            self._warning = warning
            self.repaint()

    def show_detail(self, detail: str) -> None:
        self._detail = detail
        self.repaint()

    def repaint(self) -> None:
        line: Line = (TextSpan(" "), TextSpan(self._detail, Tone.MUTED))
        if self._sign:
            line = (TextSpan(f" {self._sign}", Tone.ACCENT),)
        elif self._toast:
            line = self._toast
        elif self._warning:
            glyph, tone = SEVERITY_GLYPHS[Severity.WARNING]
            line = (TextSpan(f" {glyph} {self._warning} ", tone), TextSpan("│", Tone.RULE), *line)
        self.show((line,))


class KeyHints(Painted):
    """The last line: at most seven keys of the registry, or what a command could become while one is typed.

    A key that a guard would refuse now is crossed out; ? says why.
    """

    def __init__(self, ident: str | None = None) -> None:
        super().__init__(ident)
        self._choices: tuple[str, ...] = ()
        self._action_context = ActionContext()

    def show_keys(self, context: ActionContext) -> None:
        self._action_context = context
        self.repaint()

    def show_choices(self, choices: tuple[str, ...]) -> None:
        """Shows completions instead of keys; an empty tuple brings the keys back."""
        self._choices = choices
        self.repaint()

    def repaint(self) -> None:
        if self._choices:
            choices = (TextSpan(f" {choice.strip()} ", Tone.MUTED) for choice in self._choices)
            self.show(((TextSpan(" Tab ", Tone.ACCENT), *choices),))
            return
        # Fewer keys on a narrow screen, never half a key; the way out goes last.
        context = self._action_context
        actions = hints(armed=context.mode.armed_s > 0, view=context.view or OVERVIEW)
        *others, way_out = (self._hint(action) for action in actions)
        variants = [
            tuple(span for hint in (*others[:number], way_out) for span in hint)
            for number in range(len(others), -1, -1)
        ]
        self.show((first_fitting(variants, self.size.width),))

    def _hint(self, action: ConsoleAction) -> Line:
        key, context = key_name(action.keys[0]), self._action_context
        if action.hint_armed and action.why_not(context):
            return (TextSpan(f" ✗{key} {action.hint} ", Tone.MUTED),)
        return (TextSpan(f" {key}", Tone.ACCENT), TextSpan(f" {action.hint_for(context)} ", Tone.MUTED))


class Mode(StrEnum):
    """What is being typed; the value is the sign before it."""

    COMMAND = ":"
    FILTER = "/"


class Prompt(Input):
    """The `:` command line and the `/` filter: types, completes and remembers. Hidden until opened."""

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

    @dataclass
    class Typed(Message):
        """The text changed. `choices` are what it could become."""

        mode: Mode
        text: str
        choices: tuple[str, ...]

    @dataclass
    class Entered(Message):
        """Return was pressed."""

        mode: Mode
        text: str

    @dataclass
    class Cancelled(Message):
        """Escape was pressed, or the sign itself was deleted."""

        mode: Mode

    def __init__(self, ident: str, completer: Callable[[str], tuple[str, ...]]) -> None:
        super().__init__(id=ident, compact=True)
        self.mode = Mode.COMMAND
        self._completer = completer
        self._histories = {mode: History() for mode in Mode}
        self._offered: tuple[str, ...] = ()
        self._choice = -1
        self._completing = False

    def open(self, mode: Mode, text: str = "") -> None:
        self.mode = mode
        self.placeholder = "command" if mode is Mode.COMMAND else "filter"
        self.value = text
        self.cursor_position = len(text)
        self.display = True
        # At once, not by message: a fast typist has typed on by then.
        self.screen.set_focus(self)
        self._typed()

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
        """The only choice, or one choice after the other."""
        if self._offered:
            self._choice = (self._choice + 1) % len(self._offered)
            self._completing = len(self._offered) > 1
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
        self._offered = self._completer(self.value) if self.mode is Mode.COMMAND else ()
        self.post_message(self.Typed(self.mode, self.value, self._offered))
