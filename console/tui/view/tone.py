"""Toned text: what a piece of text means. Which colour that is, the theme decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """The meaning of a piece of text. Never the only carrier of it: a glyph and a word say it too."""

    PLAIN = "plain"
    MUTED = "muted"
    TITLE = "title"
    RULE = "rule"
    FOCUS = "focus"
    ACCENT = "accent"
    OK = "ok"
    WARN = "warn"
    DOWN = "down"
    UNKNOWN = "unknown"
    STALE = "stale"
    GRAPH = "graph"
    MARK = "mark"
    BAR = "bar"
    BAR_WARN = "bar-warn"
    BAR_ALARM = "bar-alarm"
    PROD = "prod"
    PROD_WARN = "prod-warn"
    PROD_ALARM = "prod-alarm"
    PROD_RULE = "prod-rule"


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text in one tone."""

    text: str
    tone: Tone = Tone.PLAIN


Line = tuple[Span, ...]
EMPTY: Line = ()


def joined(cells: Iterable[tuple[str, Tone]]) -> Line:
    """Single characters as a line: neighbours of one tone become one span."""
    line: list[Span] = []
    for character, tone in cells:
        if line and line[-1].tone is tone:
            line[-1] = Span(line[-1].text + character, tone)
        else:
            line.append(Span(character, tone))
    return tuple(line)


def text_of(line: Line) -> str:
    """The bare text of a line, as it would be copied."""
    return "".join(span.text for span in line)
