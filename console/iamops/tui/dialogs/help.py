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

from iamops.tui.app.actions import ACTIONS, COMMANDS, ActionContext, Listed, key_name
from iamops.tui.toolkit.dialog import toned
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.text import EMPTY, Line, TextSpan, Tone

# Lines: further than any help is long.
FAR = 100_000


class HelpScreen(ModalScreen[None]):
    """Scrolls through lines that were made for what the operator is doing."""

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
        Binding("g", f"scroll(-{FAR})", "Top", show=False),
        Binding("G", f"scroll({FAR})", "Bottom", show=False),
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


def help_lines(name: str, about: str, context: ActionContext, width: int) -> tuple[Line, ...]:
    lines: list[Line] = [
        (TextSpan(name, Tone.TITLE),),
        *((TextSpan(part),) for part in textwrap.wrap(about, width)),
    ]
    keyed = [(" ".join(map(key_name, action.keys)).ljust(KEYS), action) for action in ACTIONS if action.keys]
    sections = (
        ("Keys in a pane", [entry for entry in keyed if entry[1].listed is Listed.MOTION]),
        ("Keys everywhere", [entry for entry in keyed if entry[1].listed is not Listed.MOTION]),
        ("Commands (press : first)", [(action.usage.ljust(NAME - 1), action) for action in COMMANDS]),
    )
    for title, entries in sections:
        lines += [EMPTY, (TextSpan(title, Tone.TITLE),)]
        for head, action in entries:
            reason = action.why_not(context)
            aside = f"(not now: {reason})" if reason else ""
            lines += _entry(TextSpan(f"{head} ", Tone.ACCENT), action.title, aside, width)
    lines += [EMPTY, (TextSpan("Signs", Tone.TITLE),)]
    for mark, tone, words in GLYPHS:
        lines += _entry(TextSpan(mark.ljust(NAME), tone), words, "", width)
    return tuple(lines)


def _entry(head: TextSpan, words: str, aside: str, width: int) -> Iterator[Line]:
    """Words beside their head; continuation lines are indented to where the words began."""
    indent = len(head.text)
    room = max(20, width - indent)
    first, *rest = textwrap.wrap(words, room)
    if aside and not rest and len(first) + 2 + len(aside) <= room:
        yield (head, TextSpan(first), TextSpan(f"  {aside}", Tone.MUTED))
        return
    yield (head, TextSpan(first))
    yield from ((TextSpan(" " * indent + more),) for more in rest)
    yield from ((TextSpan(" " * indent + more, Tone.MUTED),) for more in textwrap.wrap(aside, room))
