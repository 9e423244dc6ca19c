"""The help text: what has the focus, the keys, the commands, the glyphs. All from the registry."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from console.tui.actions import ACTIONS, COMMANDS, Action, Scope, Situation, key_name
from console.tui.view.tone import EMPTY, Line, Span, Tone

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


def help_lines(name: str, about: str, situation: Situation, width: int) -> tuple[Line, ...]:
    """Everything the help dialog shows, wrapped to `width`."""
    lines: list[Line] = [(Span(name, Tone.TITLE),)]
    lines += [(Span(part),) for part in textwrap.wrap(about, width)]
    for title, scope in (("Keys in a pane", Scope.PANE), ("Keys everywhere", Scope.CONSOLE)):
        lines += _section(title)
        lines += (
            line for each in ACTIONS if each.scope is scope and each.keys for line in _keys(each, situation, width)
        )
    lines += _section("Commands (press : first)")
    lines += (line for each in COMMANDS for line in _command(each, situation, width))
    lines += _section("Signs")
    lines += (
        line for mark, tone, words in GLYPHS for line in _beside(Span(mark.ljust(NAME), tone), words, "", width)
    )
    return tuple(lines)


def _section(title: str) -> list[Line]:
    return [EMPTY, (Span(title, Tone.TITLE),)]


def _keys(action: Action, situation: Situation, width: int) -> Iterator[Line]:
    keys = " ".join(key_name(key) for key in action.keys)
    return _beside(Span(keys.ljust(KEYS) + " ", Tone.ACCENT), action.title, _denied(action, situation), width)


def _command(action: Action, situation: Situation, width: int) -> Iterator[Line]:
    usage = Span(action.usage.ljust(NAME - 1) + " ", Tone.ACCENT)
    return _beside(usage, action.title, _denied(action, situation), width)


def _denied(action: Action, situation: Situation) -> str:
    reason = action.why_not(situation)
    return f"(not now: {reason})" if reason else ""


def _beside(head: Span, words: str, aside: str, width: int) -> Iterator[Line]:
    """What goes on in another line stands below where it began."""
    indent = len(head.text)
    room = max(20, width - indent)
    first, *rest = textwrap.wrap(words, room)
    if aside and not rest and len(first) + 2 + len(aside) <= room:
        yield (head, Span(first), Span(f"  {aside}", Tone.MUTED))
        return
    yield (head, Span(first))
    yield from ((Span(" " * indent + more),) for more in rest)
    yield from ((Span(" " * indent + more, Tone.MUTED),) for more in textwrap.wrap(aside, room))
