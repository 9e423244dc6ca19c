"""The lines of the foot: a message, a warning or the cursor's detail; and below it the key hints."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from iamops.model.facts import Severity
from iamops.tui.app.actions import OVERVIEW, Action, ActionContext, hints, key_name
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

    @property
    def toast(self) -> str:
        """The message on show; empty if there is none."""
        return "".join(span.text for span in self._toast).strip()

    def say(self, text: str, severity: Severity) -> None:
        """Shows a message for a few seconds."""
        glyph, tone = SEVERITY_GLYPHS[severity]
        mark = ("✓", Tone.ACCENT) if severity is Severity.INFO else (glyph, tone)
        self._toast = (TextSpan(f" {mark[0]} ", mark[1]), TextSpan(text))
        self._toasts += 1
        number = self._toasts
        self.set_timer(TOAST_S, lambda: self.clear(number))
        self._refresh()

    def clear(self, number: int | None = None) -> bool:
        """Takes the message away; with a number, only if it is still that one."""
        if not self._toast or (number is not None and number != self._toasts):
            return False
        self._toast = EMPTY
        self._refresh()
        return True

    def lead(self, sign: str) -> None:
        """Shows the prompt's sign and nothing else; an empty sign ends that."""
        self._sign = sign
        self._refresh()

    def warn(self, warning: str) -> None:
        """Shows a warning before the detail, until there is none."""
        if warning != self._warning:
            self._warning = warning
            self._refresh()

    def show_detail(self, detail: str) -> None:
        """Shows what the cursor is on."""
        self._detail = detail
        self._refresh()

    def on_resize(self) -> None:
        self._refresh()

    def _warned(self) -> Line:
        if not self._warning:
            return EMPTY
        glyph, tone = SEVERITY_GLYPHS[Severity.WARNING]
        return (TextSpan(f" {glyph} {self._warning} ", tone), TextSpan("│", Tone.RULE))

    def _refresh(self) -> None:
        if self._sign:
            line: Line = (TextSpan(f" {self._sign}", Tone.ACCENT),)
        else:
            line = self._toast or (*self._warned(), TextSpan(" "), TextSpan(self._detail, Tone.MUTED))
        self.show((line,))


# The last line: at most seven keys, or what a command could become while one is typed.


class KeyHints(Painted):
    """Keys from the registry of actions. One that a guard would refuse now is crossed out; ? says why."""

    def __init__(self, ident: str | None = None) -> None:
        super().__init__(ident)
        self._choices: tuple[str, ...] = ()
        self._situation = ActionContext()

    def turn_to(self, situation: ActionContext) -> None:
        """Shows the keys for another situation."""
        self._situation = situation
        self._refresh()

    def offer(self, choices: tuple[str, ...]) -> None:
        """Shows completions instead of keys; an empty tuple brings the keys back."""
        self._choices = choices
        self._refresh()

    def on_resize(self) -> None:
        self._refresh()

    def _refresh(self) -> None:
        self.show((self._offered() if self._choices else self._keys(),))

    def _offered(self) -> Line:
        choices = (TextSpan(f" {choice.strip()} ", Tone.MUTED) for choice in self._choices)
        return (TextSpan(" Tab ", Tone.ACCENT), *choices)

    def _keys(self) -> Line:
        """Fewer keys on a narrow screen, never half a key; the way out goes last."""
        *others, way_out = hints(armed=self._situation.armed_s > 0, view=self._situation.view or OVERVIEW)
        variants = [
            tuple(span for action in (*others[:n], way_out) for span in self._hint(action))
            for n in range(len(others), -1, -1)
        ]
        return first_fitting(variants, self.size.width)

    def _hint(self, action: Action) -> Line:
        key = key_name(action.keys[0])
        if action.hint_armed and action.why_not(self._situation):
            return (TextSpan(f" ✗{key} {action.hint} ", Tone.MUTED),)
        return (TextSpan(f" {key}", Tone.ACCENT), TextSpan(f" {action.hint_for(self._situation)} ", Tone.MUTED))


# The `:` command line and the `/` filter. Types, completes and remembers; understands nothing.

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
