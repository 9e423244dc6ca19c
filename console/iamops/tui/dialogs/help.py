"""The help dialog. The console keeps refreshing behind it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from iamops.tui.app.actions import ACTIONS, COMMANDS, Action, ActionContext, KeyScope, key_name
from iamops.tui.toolkit.dialog import toned
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.text import EMPTY, Line, TextSpan, Tone


class HelpScreen(ModalScreen[None]):
    """Scrolls through lines that were made for the situation."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen VerticalScroll {
        width: 80; max-width: 100%; height: auto; max-height: 100%;
        background: $background; border: round $rule; padding: 0 1;
        scrollbar-size-vertical: 1; scrollbar-color: $rule; scrollbar-background: $background;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,ctrl+c", "dismiss", "Close", show=False),
        Binding("j", "scroll(1)", "Down", show=False),
        Binding("k", "scroll(-1)", "Up", show=False),
        Binding("g", "ends(False)", "Top", show=False),
        Binding("G", "ends(True)", "Bottom", show=False),
    ]

    def __init__(self, lines: tuple[Line, ...], palette: Palette) -> None:
        super().__init__()
        self._text = toned(lines, palette)

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = "Help · Esc closes"
            yield Static(self._text)

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_ends(self, bottom: bool) -> None:
        box = self.query_one(VerticalScroll)
        if bottom:
            box.scroll_end(animate=False)
        else:
            box.scroll_home(animate=False)


# The help text: what has the focus, the keys, the commands, the glyphs. All from the registry.

GLYPHS: tuple[tuple[str, Tone, str], ...] = (
    ("● OK", Tone.OK, "works, as seen right now"),
    ("▲ WARN", Tone.WARN, "answers, but not as it should; or a peer sees it otherwise"),
    ("✗ DOWN", Tone.DOWN, "does not work, as seen right now"),
    ("◌ STALE", Tone.STALE, "no news for the time shown; the last word is given"),
    ("? UNKNOWN", Tone.UNKNOWN, "cannot be told, and why; it may well be working"),
    ("★ VIP", Tone.ACCENT, "the kernel holds the VIP"),
    ("◆ ◇", Tone.OK, "keepalived says MASTER, BACKUP"),
)
KEYS, NAME = 15, 20


def help_lines(name: str, about: str, situation: ActionContext, width: int) -> tuple[Line, ...]:
    """Everything the help dialog shows, wrapped to `width`."""
    lines: list[Line] = [(TextSpan(name, Tone.TITLE),)]
    lines += [(TextSpan(part),) for part in textwrap.wrap(about, width)]
    for title, scope in (("Keys in a pane", KeyScope.PANE), ("Keys everywhere", KeyScope.CONSOLE)):
        lines += _section(title)
        lines += (
            line for each in ACTIONS if each.scope is scope and each.keys for line in _keys(each, situation, width)
        )
    lines += _section("Commands (press : first)")
    lines += (line for each in COMMANDS for line in _command(each, situation, width))
    lines += _section("Signs")
    lines += (
        line
        for mark, tone, words in GLYPHS
        for line in _beside(TextSpan(mark.ljust(NAME), tone), words, "", width)
    )
    return tuple(lines)


def _section(title: str) -> list[Line]:
    return [EMPTY, (TextSpan(title, Tone.TITLE),)]


def _keys(action: Action, situation: ActionContext, width: int) -> Iterator[Line]:
    keys = " ".join(key_name(key) for key in action.keys)
    return _beside(TextSpan(keys.ljust(KEYS) + " ", Tone.ACCENT), action.title, _denied(action, situation), width)


def _command(action: Action, situation: ActionContext, width: int) -> Iterator[Line]:
    usage = TextSpan(action.usage.ljust(NAME - 1) + " ", Tone.ACCENT)
    return _beside(usage, action.title, _denied(action, situation), width)


def _denied(action: Action, situation: ActionContext) -> str:
    reason = action.why_not(situation)
    return f"(not now: {reason})" if reason else ""


def _beside(head: TextSpan, words: str, aside: str, width: int) -> Iterator[Line]:
    """What goes on in another line stands below where it began."""
    indent = len(head.text)
    room = max(20, width - indent)
    first, *rest = textwrap.wrap(words, room)
    if aside and not rest and len(first) + 2 + len(aside) <= room:
        yield (head, TextSpan(first), TextSpan(f"  {aside}", Tone.MUTED))
        return
    yield (head, TextSpan(first))
    yield from ((TextSpan(" " * indent + more),) for more in rest)
    yield from ((TextSpan(" " * indent + more, Tone.MUTED),) for more in textwrap.wrap(aside, room))
