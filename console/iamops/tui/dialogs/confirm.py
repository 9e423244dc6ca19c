"""Asks before anything is changed: the whole plan, what speaks against it, and Cancel with the focus."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Checkbox, Input, Static

from iamops.engine.ports import Order
from iamops.plan.action import Action
from iamops.plan.denial import Denial, overridden, remaining_denials
from iamops.plan.steps import Plan, Step, StepKind, command_line, confirmation
from iamops.tui.toolkit.dialog import Dialog, plain, toned
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.text import EMPTY, Line, TextSpan, Tone

if TYPE_CHECKING:
    from iamops.session.cluster import Cluster
    from iamops.session.operator import Operator

# A plan as lines: what it will do, what speaks against it, and every command.

MARKS = {
    StepKind.LOOK: ("look  ", Tone.MUTED),
    StepKind.ARM: ("arm   ", Tone.ACCENT),
    StepKind.DO: ("DO    ", Tone.WARN),
    StepKind.DISARM: ("disarm", Tone.ACCENT),
    StepKind.WATCH: ("watch ", Tone.OK),
    StepKind.ASK: ("ask   ", Tone.OK),
    StepKind.STAGE: ("stage ", Tone.MUTED),
    StepKind.CONFIRM: ("keep? ", Tone.WARN),
}
ARMING = (StepKind.ARM, StepKind.DISARM)
INDENT = 10


def plan_lines(
    plan: Plan,
    denied: Iterable[Denial],
    overrides: Iterable[str],
    width: int,
    refused_before: Iterable[Denial] = (),
) -> tuple[Line, ...]:
    """Everything a person should have read before saying yes, wrapped to `width`."""
    denied = tuple(denied)
    gave_way = overridden(denied, overrides)
    lines: list[Line] = [*_wrapped("", plan.prediction, width, Tone.PLAIN)]
    if plan.forecast is not None:
        lines += _wrapped("forecast: ", plan.forecast.sentence, width, Tone.MUTED)
    for note in plan.notes:
        lines += _wrapped("note: ", note, width, Tone.MUTED)
    for denial in denied:
        if denial in gave_way:
            lines += _wrapped(f"▲ OVERRIDDEN {denial.code}: ", denial.reason, width, Tone.WARN)
        else:
            word = "may be overridden" if denial.overridable else "cannot be overridden"
            lines += _wrapped(f"✗ REFUSED {denial.code}: ", f"{denial.reason} ({word})", width, Tone.DOWN)
    for denial in refused_before:
        lines += _wrapped("▲ refused the last time: ", f"{denial.code}: {denial.reason}", width, Tone.WARN)
    for sentence in plan.first:
        lines += _wrapped("first: ", sentence, width, Tone.MUTED)
    for number, step in enumerate(plan.steps, start=1):
        lines += [EMPTY, *_step(number, step, width)]
    if plan.steps:
        lines.append(EMPTY)
        for sentence in plan.ending:
            lines += _wrapped("in the end: ", sentence, width, Tone.MUTED)
    return tuple(lines)


def _step(number: int, step: Step, width: int) -> Iterator[Line]:
    word, tone = MARKS[step.kind]
    # The mark says it already: `disarm on iam-b`, not `disarm disarm on iam-b`.
    title = step.title.removeprefix("arm ").removeprefix("disarm ") if step.kind in ARMING else step.title
    first, *rest = textwrap.wrap(title, max(10, width - INDENT)) or [""]
    yield (TextSpan(f"{number:2} ", Tone.MUTED), TextSpan(f"{word} ", tone), TextSpan(first))
    yield from ((TextSpan(" " * INDENT + more),) for more in rest)
    if step.argv:
        given = f" <<< {step.given.strip()}" if step.stdin else ""
        yield from _wrapped(f"   {step.node}$ ", command_line(step.argv) + given, width, Tone.MUTED)
    for expected in step.expect:
        when = f"all the time, for {step.lasts_s:.1f} s" if step.lasts_s else f"within {step.within_s:.0f} s"
        yield from _wrapped("   then ", f"{expected.sentence} ({when})", width, Tone.OK)


def _wrapped(head: str, text: str, width: int, tone: Tone) -> Iterator[Line]:
    """Continuation lines are indented as far as the text of the first."""
    indent = " " * min(len(head), INDENT + 2)
    for line in textwrap.wrap(
        head + text, max(20, width), subsequent_indent=indent, break_on_hyphens=False, replace_whitespace=False
    ):
        yield (TextSpan(line, tone),)


RECONSIDER_S = 1.0


class ConfirmScreen(Dialog[Order | None]):
    """Returns the order to run, or None. The plan is made anew every second while the dialog is open.

    `refused_before`: by a step of the same plan. It may be resolved by now, and may be overridden.
    """

    AUTO_FOCUS = "#cancel"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", show=False),
        Binding("ctrl+c", "cancel", "Cancel", show=False, priority=True),
        # Before the keys behind it are given away: those that were typed ahead are for where Tab leads.
        Binding("tab", "app.focus_next", "Next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", "Previous", show=False, priority=True),
    ]

    def __init__(
        self,
        operator: Operator,
        cluster: Cluster,
        action: Action,
        palette: Palette,
        refused_before: tuple[Denial, ...] = (),
    ) -> None:
        super().__init__()
        self._operator = operator
        self._cluster = cluster
        self._action = action
        self._palette = palette
        self.plan, self._denied = operator.consider(operator.order(action))
        self._confirmation = confirmation(self.plan, cluster.store.state, cluster.now())
        self._changed = False
        self._refused_before = refused_before
        codes = dict.fromkeys(denial.code for denial in self._denied if denial.overridable)
        self._codes = (*codes, *dict.fromkeys(code for denial in refused_before for code in denial.overrides))

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
            if self._confirmation.typed is not None:
                with Horizontal():
                    yield Static(
                        plain(f"{self._confirmation.why}; type {self._confirmation.typed} here: "), classes="label"
                    )
                    yield Input(id="typed", compact=True)
            with Horizontal():
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Run", id="run", compact=True, variant="warning")

    def on_mount(self) -> None:
        self.query_one("#plan", VerticalScroll).can_focus = False
        self._show()
        self.set_interval(RECONSIDER_S, self._reconsider)

    # --- what the operator has entered so far ---

    @property
    def overrides(self) -> tuple[str, ...]:
        return tuple(code for code in self._codes if self.query_one(f"#{_box(code)}", Checkbox).value)

    @property
    def reason(self) -> str:
        return self.query_one("#reason", Input).value.strip() if self._codes else ""

    @property
    def obstacle(self) -> str:
        """Why Run cannot be pressed now, or an empty text."""
        denials = list(remaining_denials(self._denied, self.overrides))
        if denials:
            return f"refused: {', '.join(dict.fromkeys(denial.code for denial in denials))}"
        if self.overrides and not self.reason:
            return "an override needs a reason"
        wanted = self._confirmation.typed
        if wanted is not None and (typed := self.query_one("#typed", Input).value) != wanted:
            return f"that is not {wanted}" if typed and not wanted.startswith(typed) else f"type {wanted} first"
        return ""

    # --- what happens ---

    def _reconsider(self) -> None:
        """The state moves on behind the dialog; a plan that rests on another one has to be read again."""
        plan, denied = self._operator.consider(self._operator.order(self._action))
        if plan.fingerprint != self.plan.fingerprint:
            if confirmation(plan, self._cluster.store.state, self._cluster.now()) != self._confirmation:
                self.dismiss(None)  # another word must be typed now: this must be asked again
                return
            self._changed = True
            if self._confirmation.typed is not None:
                self.query_one("#typed", Input).value = ""
        # A reason that has come since its code was overridden has to be read first.
        read = {identity for denial in self._denied for identity in denial.identities}
        for code in {denial.code for denial in denied if not denial.identities <= read} & set(self.overrides):
            self.query_one(f"#{_box(code)}", Checkbox).value = False
            self._changed = True
        self.plan, self._denied = plan, denied
        self._show()

    def _show(self) -> None:
        lines = plan_lines(self.plan, self._denied, self.overrides, self.text_width, self._refused_before)
        self.query_one("#lines", Static).update(toned(lines, self._palette))
        warning = "the state has changed: this is a new plan, read it again. " if self._changed else ""
        self.query_one("#warning", Static).update(Text(warning + self.obstacle, self._palette.tones[Tone.WARN]))
        self.query_one("#run", Button).disabled = bool(self.obstacle)
        # The warning and the buttons, a line for each override and for each field.
        controls = 2 + len(self._codes) + bool(self._codes) + (self._confirmation.typed is not None)
        self.fit(self.query_one(Vertical), len(lines), controls)

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
            order = self._operator.order(
                self._action,
                reason=self.reason,
                overrides=self.overrides,
                shown=self.plan.fingerprint,
                insisted=overridden(self._denied, self.overrides),
            )
            self.dismiss(order)

    def action_cancel(self) -> None:
        self.dismiss(None)

    def action_copy(self) -> None:
        order = self._operator.order(self._action, reason=self.reason, overrides=self.overrides)
        self.app.copy_to_clipboard(order.command)
        self.query_one("#warning", Static).update(Text(f"copied: {order.command}"))


def _box(code: str) -> str:
    """The id of a checkbox: Textual takes letters, digits, `_` and `-` only."""
    return "override-" + re.sub(r"[^\w-]", lambda sign: f"_{ord(sign[0])}_", code)
