"""The line above the key hints: a message for a while, then a warning that stays and what the cursor is on."""

from __future__ import annotations

from console.model.facts import Severity
from console.tui.view.health import SEVERITY_GLYPHS
from console.tui.view.tone import EMPTY, Line, Span, Tone
from console.tui.widgets.painted import Painted

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
        self._toast = (Span(f" {mark[0]} ", mark[1]), Span(text))
        self._toasts += 1
        number = self._toasts
        self.set_timer(TOAST_S, lambda: self.hush(number))
        self._refresh()

    def hush(self, number: int | None = None) -> bool:
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

    def tell(self, detail: str) -> None:
        """Shows what the cursor is on."""
        self._detail = detail
        self._refresh()

    def on_resize(self) -> None:
        self._refresh()

    def _warned(self) -> Line:
        if not self._warning:
            return EMPTY
        glyph, tone = SEVERITY_GLYPHS[Severity.WARNING]
        return (Span(f" {glyph} {self._warning} ", tone), Span("│", Tone.RULE))

    def _refresh(self) -> None:
        if self._sign:
            line: Line = (Span(f" {self._sign}", Tone.ACCENT),)
        else:
            line = self._toast or (*self._warned(), Span(" "), Span(self._detail, Tone.MUTED))
        self.show((line,))
