"""Asks before anything is changed: the whole plan, what speaks against it, and Cancel with the focus."""

from __future__ import annotations

import re
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Checkbox, Input, Static

from console.engine.order import Order
from console.judge.denial import Denial
from console.judge.insisting import overridden, standing
from console.plan.action import Action
from console.plan.steps import Plan
from console.plan.tier import confirmation
from console.tui.cluster import Cluster
from console.tui.deck import Deck
from console.tui.dialog import dialog_css, fit, plain, text_width, toned
from console.tui.palette import Palette
from console.tui.view.plan import plan_lines
from console.tui.view.tone import Tone

RECONSIDER_S = 1.0


class ConfirmScreen(ModalScreen[Order | None]):
    """Returns the order to run, or None. The plan is made anew every second while the dialog is open.

    `found`: what a step of the same plan has refused before. It may be mended by now, and may be insisted on.
    """

    DEFAULT_CSS = dialog_css("ConfirmScreen")
    AUTO_FOCUS = "#cancel"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", show=False),
        Binding("ctrl+c", "cancel", "Cancel", show=False, priority=True),
        # Before the keys behind it are given away: those that were typed ahead are for where Tab leads.
        Binding("tab", "app.focus_next", "Next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", "Previous", show=False, priority=True),
        Binding("c", "copy", "Copy as command", show=False),
        Binding("j,down", "scroll(1)", "Down", show=False),
        Binding("k,up", "scroll(-1)", "Up", show=False),
        Binding("pagedown", "scroll(10)", "Page down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
    ]

    def __init__(
        self, deck: Deck, cluster: Cluster, action: Action, palette: Palette, found: tuple[Denial, ...] = ()
    ) -> None:
        super().__init__()
        self._deck = deck
        self._cluster = cluster
        self._action = action
        self._palette = palette
        self._plan, self._denied = deck.consider(deck.order(action))
        self._asked = confirmation(self._plan, cluster.store.state, cluster.now())
        self._changed = False
        self._found = found
        codes = dict.fromkeys(each.code for each in self._denied if each.overridable)
        self._codes = (*codes, *dict.fromkeys(name for each in found for name in each.overrides))

    @property
    def plan(self) -> Plan:
        return self._plan

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = plain(f"{self._action.sentence} · Esc cancels · c copies the command")
            with VerticalScroll(id="plan"):
                yield Static(id="lines")
            yield Static(id="warning")
            for code in self._codes:
                yield Checkbox(plain(f"override {code}"), id=_box(code), compact=True)
            if self._codes:
                with Horizontal():
                    yield Static("reason: ", classes="label")
                    yield Input(id="reason", compact=True, placeholder="kept in the audit")
            if self._asked.typed is not None:
                with Horizontal():
                    yield Static(plain(f"{self._asked.why}; type {self._asked.typed} here: "), classes="label")
                    yield Input(id="typed", compact=True)
            with Horizontal():
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Run", id="run", compact=True, variant="warning")

    def on_mount(self) -> None:
        self.query_one("#plan", VerticalScroll).can_focus = False
        self._show()
        self.set_interval(RECONSIDER_S, self._reconsider)

    # --- what the operator has said so far ---

    @property
    def overrides(self) -> tuple[str, ...]:
        return tuple(code for code in self._codes if self.query_one(f"#{_box(code)}", Checkbox).value)

    @property
    def reason(self) -> str:
        return self.query_one("#reason", Input).value.strip() if self._codes else ""

    @property
    def obstacle(self) -> str:
        """Why Run cannot be pressed now, or an empty text."""
        left = self._standing()
        if left:
            return f"refused: {', '.join(dict.fromkeys(denial.code for denial in left))}"
        if self.overrides and not self.reason:
            return "an override needs a reason"
        wanted = self._asked.typed
        if wanted is not None and (typed := self.query_one("#typed", Input).value) != wanted:
            return f"that is not {wanted}" if typed and not wanted.startswith(typed) else f"type {wanted} first"
        return ""

    @property
    def _control_lines(self) -> int:
        """The warning and the buttons, a line for each override and for each field."""
        return 2 + len(self._codes) + bool(self._codes) + (self._asked.typed is not None)

    def _standing(self) -> list[Denial]:
        return list(standing(self._denied, self.overrides))

    # --- what happens ---

    def _reconsider(self) -> None:
        """The state moves on behind the dialog; a plan that rests on another one has to be read again."""
        plan, denied = self._deck.consider(self._deck.order(self._action))
        if plan.fingerprint != self._plan.fingerprint:
            if confirmation(plan, self._cluster.store.state, self._cluster.now()) != self._asked:
                self.dismiss(None)  # what must be typed is another word now: to be asked anew
                return
            self._changed = True
            if self._asked.typed is not None:
                self.query_one("#typed", Input).value = ""
        self._untick(denied)
        self._plan, self._denied = plan, denied
        self._show()

    def _untick(self, denied: tuple[Denial, ...]) -> None:
        """A reason that has come since its code was overridden has to be read first."""
        read = {one for each in self._denied for one in each.identities}
        for code in {each.code for each in denied if not each.identities <= read} & set(self.overrides):
            self.query_one(f"#{_box(code)}", Checkbox).value = False
            self._changed = True

    def _show(self) -> None:
        width = text_width(self.app.size.width)
        lines = plan_lines(self._plan, self._denied, self.overrides, width, self._found)
        self.query_one("#lines", Static).update(toned(lines, self._palette))
        warning = "the state has changed: this is a new plan, read it again. " if self._changed else ""
        self.query_one("#warning", Static).update(Text(warning + self.obstacle, self._palette.tones[Tone.WARN]))
        self.query_one("#run", Button).disabled = bool(self.obstacle)
        fit(self.query_one(Vertical), len(lines), self._control_lines, self.app.size.height)

    def on_checkbox_changed(self) -> None:
        self._show()

    def on_input_changed(self) -> None:
        self._show()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "run":
            self._agree()
        else:
            self.dismiss(None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Return behind the typed name agrees; behind a reason it goes on to what is still missing."""
        if event.input.id == "typed":
            self._agree()
        else:
            self.focus_next()

    def _agree(self) -> None:
        if not self.obstacle:
            overrides, reason, shown = self.overrides, self.reason, self._plan.fingerprint
            read = overridden(self._denied, overrides)
            order = self._deck.order(self._action, reason=reason, overrides=overrides, shown=shown, insisted=read)
            self.dismiss(order)

    def action_cancel(self) -> None:
        self.dismiss(None)

    def action_copy(self) -> None:
        order = self._deck.order(self._action, reason=self.reason, overrides=self.overrides)
        self.app.copy_to_clipboard(order.command)
        self.query_one("#warning", Static).update(Text(f"copied: {order.command}"))

    def action_scroll(self, lines: int) -> None:
        self.query_one("#plan", VerticalScroll).scroll_relative(y=lines, animate=False)


def _box(code: str) -> str:
    """The id of a checkbox: Textual takes letters, digits, `_` and `-` only."""
    return "override-" + re.sub(r"[^\w-]", lambda sign: f"_{ord(sign[0])}_", code)
