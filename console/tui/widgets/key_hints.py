"""The last line: at most seven keys, or what a command could become while one is typed."""

from __future__ import annotations

from console.tui.actions import hints
from console.tui.view.fit import first_fitting
from console.tui.view.tone import Line, Span, Tone
from console.tui.widgets.painted import Painted


class KeyHints(Painted):
    """Keys from the registry of actions."""

    def __init__(self, ident: str | None = None) -> None:
        super().__init__(ident)
        self._choices: tuple[str, ...] = ()

    def offer(self, choices: tuple[str, ...]) -> None:
        """Shows completions instead of keys; an empty tuple brings the keys back."""
        self._choices = choices
        self._refresh()

    def on_resize(self) -> None:
        self._refresh()

    def _refresh(self) -> None:
        self.show((self._offered() if self._choices else self._keys(),))

    def _offered(self) -> Line:
        choices = (Span(f" {choice.strip()} ", Tone.MUTED) for choice in self._choices)
        return (Span(" Tab ", Tone.ACCENT), *choices)

    def _keys(self) -> Line:
        """Fewer keys on a narrow screen, never half a key; the way out goes last."""
        *others, way_out = hints()
        variants = [
            tuple(
                s
                for key, word in (*others[:n], way_out)
                for s in (Span(f" {key}", Tone.ACCENT), Span(f" {word} ", Tone.MUTED))
            )
            for n in range(len(others), -1, -1)
        ]
        return first_fitting(variants, self.size.width)
