"""A triage as text for a terminal: worst first, then what cannot be told."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from console.cli.coloured import Coloured
from console.cli.lint_text import COLOURS
from console.judge.findings import Finding
from console.judge.triage_report import Darkness, Looked, closing, darkness, name_of
from console.model.timeline import Happening
from console.parse.safe_text import safe

WIDTH_MIN, WIDTH_MAX = 60, 100
LABEL = 11


def triage_lines(looked: Looked, *, width: int, since_s: float | None = None) -> Iterator[str]:
    """The whole look. No line is longer than `width`, which is kept between WIDTH_MIN and WIDTH_MAX."""
    width = max(WIDTH_MIN, min(width, WIDTH_MAX))
    for finding in looked.diagnosis.findings:
        yield from _finding(finding, width)
        yield ""
    dark = darkness(looked.diagnosis.blind, looked.unlooked)
    if dark:
        yield "cannot tell"
        for each in dark:
            yield from _dark(each, width)
        yield ""
    if since_s is not None:
        yield from _timeline(looked, since_s, width)
        yield ""
    yield from _wrapped(closing(looked), width)


def _finding(finding: Finding, width: int) -> Iterator[str]:
    word = str(finding.severity).upper()
    first, *rest = _wrapped(f"{word} {name_of(finding.code)}: {safe(finding.title)}", width, "", "    ")
    yield Coloured(first, COLOURS[finding.severity], len(word))
    yield from rest
    yield from _labelled("because", (safe(str(each)) for each in finding.evidence), width)
    yield from _labelled("cause", (safe(finding.cause),) if finding.cause else (), width)
    yield from _labelled("means", (safe(finding.means),) if finding.means else (), width)
    yield from _labelled("explains", _explained(finding), width, cut=True)
    yield from _labelled("next", (safe(finding.next),), width)


def _explained(finding: Finding, indent: str = "") -> Iterator[str]:
    """Everything that follows from it, each under what explains it."""
    for each in finding.explains:
        yield f"{indent}{each.severity} {name_of(each.code)}: {safe(each.title)}"
        yield from _explained(each, f"{indent}  ")


def _labelled(label: str, texts: Iterable[str], width: int, *, cut: bool = False) -> Iterator[str]:
    """The label stands before the first text; `cut`: one line each, however long."""
    head = f"  {label}".ljust(LABEL)
    for text in texts:
        if cut:
            room = width - LABEL
            yield head + (text if len(text) <= room else f"{text[: room - 1]}…")
        else:
            yield from _wrapped(text, width, head, " " * LABEL)
        head = " " * LABEL


def _dark(dark: Darkness, width: int) -> Iterator[str]:
    """The reason once, then what it hides."""
    where = f"{dark.node}: " if dark.node else ""
    yield from _wrapped(f"{where}{safe(dark.because)}", width, "  ", "    ")
    if dark.blinds:
        yield from _wrapped(dark.questions, width, "      ", "      ")


def _timeline(looked: Looked, since_s: float, width: int) -> Iterator[str]:
    began = _local(looked.at - since_s)
    yield f"what happened since {began:%Y-%m-%d %H:%M:%S %Z}".rstrip()
    for each in looked.timeline:
        yield from _happening(each, began, width)
    if not looked.timeline:
        yield "  nothing that anybody told of" if looked.untold else "  nothing"
    for text in looked.untold:
        yield from _wrapped(f"not told: {safe(text)}", width, "  ", "    ")


def _happening(each: Happening, began: datetime, width: int) -> Iterator[str]:
    at = _local(each.at)
    stamp = f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"
    day = "" if at.date() == began.date() else f"{at:%m-%d} "
    head = f"  {day}{stamp}  {each.node or '-':<8} {each.kind:<7} "
    yield from _wrapped(f"{safe(each.text)} ({each.source})", width, head, " " * 16)


def _local(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone()


def _wrapped(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """Commands stay whole: nothing is broken at a hyphen."""
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False) or [
        first.rstrip()
    ]
