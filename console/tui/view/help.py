"""The help text: what has the focus, the keys, the commands, the glyphs. All from the registry."""

from __future__ import annotations

import textwrap

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
        lines += [_keys(action, situation) for action in ACTIONS if action.scope is scope and action.keys]
    lines += _section("Commands (press : first)")
    lines += [_command(action, situation) for action in COMMANDS]
    lines += _section("Signs")
    lines += [(Span(mark.ljust(NAME), tone), Span(words)) for mark, tone, words in GLYPHS]
    return tuple(lines)


def _section(title: str) -> list[Line]:
    return [EMPTY, (Span(title, Tone.TITLE),)]


def _keys(action: Action, situation: Situation) -> Line:
    keys = " ".join(key_name(key) for key in action.keys)
    return (Span(keys.ljust(KEYS) + " ", Tone.ACCENT), Span(action.title), *_denied(action, situation))


def _command(action: Action, situation: Situation) -> Line:
    return (Span(action.usage.ljust(NAME), Tone.ACCENT), Span(action.title), *_denied(action, situation))


def _denied(action: Action, situation: Situation) -> Line:
    reason = action.why_not(situation)
    return (Span(f"  (not now: {reason})", Tone.MUTED),) if reason else EMPTY
