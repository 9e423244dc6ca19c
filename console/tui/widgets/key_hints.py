"""The last line: at most seven keys, or what a command could become while one is typed."""

from __future__ import annotations

from console.tui.actions import OVERVIEW, Action, Situation, hints, key_name
from console.tui.view.fit import first_fitting
from console.tui.view.tone import Line, Span, Tone
from console.tui.widgets.painted import Painted


class KeyHints(Painted):
    """Keys from the registry of actions. One that a guard would refuse now is crossed out; ? says why."""

    def __init__(self, ident: str | None = None) -> None:
        super().__init__(ident)
        self._choices: tuple[str, ...] = ()
        self._situation = Situation()

    def turn_to(self, situation: Situation) -> None:
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
        choices = (Span(f" {choice.strip()} ", Tone.MUTED) for choice in self._choices)
        return (Span(" Tab ", Tone.ACCENT), *choices)

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
            return (Span(f" ✗{key} {action.hint} ", Tone.MUTED),)
        return (Span(f" {key}", Tone.ACCENT), Span(f" {action.hint_for(self._situation)} ", Tone.MUTED))
