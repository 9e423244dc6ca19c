"""Findings as rows, causes with their symptoms below them; and the whole story of the one under the cursor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from console.judge.catalogue import CATALOGUE, Entry
from console.judge.findings import NOTHING_DURING, Finding
from console.judge.triage_report import Darkness, darkness, name_of, number_of
from console.model.facts import LinkState
from console.model.words import counted
from console.parse.safe_text import safe
from console.tui.actions import CONFIG, LOGS, OVERVIEW, TRAFFIC
from console.tui.view.drill import wrapped
from console.tui.view.finding import ago, all_clear, how_old, key_of, placed
from console.tui.view.fit import column
from console.tui.view.health import SEVERITY_GLYPHS
from console.tui.view.moment import Moment
from console.tui.view.rows import Row
from console.tui.view.tone import EMPTY, Line, Span, Tone

TITLE_AT = 40
WIDE = 110
LABEL = 10
# Where a source's words are seen again in the console; the first that fits.
SOURCES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("access log", "request"), TRAFFIC),
    (("journal", "error log", "notify log"), LOGS),
    (("file", "config", "nginx -t", "keepalived -t", "conf"), CONFIG),
)


@dataclass(frozen=True, slots=True)
class Entered:
    """One line of the list: a finding with how deep it stands below its cause, or what cannot be told."""

    key: str
    finding: Finding | None = None
    depth: int = 0
    dark: Darkness | None = None


def entered(moment: Moment) -> tuple[Entered, ...]:
    """Everything the list holds, in order; findings first."""
    found = tuple(Entered(key_of(finding), finding, depth) for finding, depth in placed(moment.findings))
    unseen = {
        node.name: node.link.reason or "it is not connected"
        for node in moment.state.nodes.values()
        if node.link.state is LinkState.DOWN
    }
    dark = darkness(moment.look.diagnosis.blind, unseen) if moment.look is not None else ()
    unknown = (Entered(f"? {number} {each.node or '-'}", dark=each) for number, each in enumerate(dark))
    return (*found, *unknown)


def entry_row(entry: Entered, moment: Moment, width: int) -> Row:
    """One line; what `c` copies is the next command."""
    if entry.dark is not None:
        said = f"cannot tell {_untold(entry.dark)}: {_reason(entry.dark)}"
        return Row.whole(entry.key, (Span(f" ? {said}", Tone.UNKNOWN),), said, width)
    finding = _finding_of(entry)
    glyph, tone = SEVERITY_GLYPHS[finding.severity]
    if entry.depth:
        head, calm = Span(f"{'   ' * entry.depth}└ {glyph} ", tone), Tone.MUTED
    else:
        head, calm = Span(f" {glyph} {finding.severity.upper():<8} ", tone), Tone.PLAIN
    name = Span(_short(finding.code, width, TITLE_AT - len(head.text)), Tone.MUTED)
    line: Line = (head, name, Span(finding.title, calm), Span(how_old(finding, moment), Tone.MUTED))
    return Row.whole(entry.key, line, finding.next, width)


def looked_line(moment: Moment, looking: bool, problem: str) -> Line:
    """How old the deep look is: it is part of what is shown."""
    if problem:
        return (Span(f"✗ {safe(problem, 60)}", Tone.DOWN),)
    if looking:
        return (Span("looking deeper…", Tone.ACCENT),)
    if moment.look is None:
        return (Span("deep look: never", Tone.MUTED),)
    return (Span(f"looked {ago(moment.now - moment.look.at)} ago, ^R again", Tone.MUTED),)


def entry_story(entry: Entered | None, moment: Moment, hidden: int, width: int) -> tuple[Line, ...]:
    """Evidence with ages, cause, symptoms, what is safe to do, and the rest of the runbook.

    Without an entry: what that means. `hidden` findings are no all-clear.
    """
    if entry is None:
        if hidden:
            return tuple(wrapped(hidden_words(hidden, moment), Tone.WARN, width))
        return (tuple(Span(span.text, Tone.MUTED) for span in all_clear(moment)),)
    if entry.dark is not None:
        return tuple(_dark_story(entry.dark, width))
    finding = _finding_of(entry)
    glyph, tone = SEVERITY_GLYPHS[finding.severity]
    title = (
        f"{glyph} {finding.severity.upper()} {name_of(finding.code)}: {finding.title}{how_old(finding, moment)}"
    )
    lines = wrapped(title, tone, width)
    lines += _labelled("because", [str(each) for each in finding.evidence] or ["no evidence given"], width)
    lines += _labelled("cause", [finding.cause] if finding.cause else [], width)
    lines += _labelled("means", [finding.means] if finding.means else [], width)
    lines += _labelled("explains", [f"{name_of(each.code)}: {each.title}" for each in finding.explains], width)
    lines += _labelled("next", [finding.next], width, Tone.ACCENT)
    # While nothing is to be done, the runbook would advise what the run under way is about.
    known = None if finding.next.startswith(NOTHING_DURING) else CATALOGUE.get(finding.code)
    return (*lines, *(_runbook(known, width) if known is not None else ()))


def sought(finding: Finding, now: float) -> tuple[str, float | None]:
    """The view where its first evidence is seen again, and the time of that evidence if it has one."""
    for each in finding.evidence:
        at = None if each.age_s is None else now - each.age_s
        for words, view in SOURCES:
            if any(word in each.source.casefold() for word in words):
                return view, at
    return OVERVIEW, None


def _short(code: str, width: int, room: int) -> str:
    """On a narrow screen the number is enough: the title needs the room."""
    return f"{column(name_of(code), room)} " if width >= WIDE else f"{number_of(code) or code} "


def _finding_of(entry: Entered) -> Finding:
    assert entry.finding is not None  # noqa: S101 - an entry is one or the other
    return entry.finding


def _dark_story(dark: Darkness, width: int) -> Iterator[Line]:
    yield from wrapped(f"? cannot tell, because {_reason(dark)}", Tone.UNKNOWN, width)
    yield EMPTY
    for blind in dark.blinds:
        yield from wrapped(f"{name_of(blind.code)}: {blind.what}", Tone.PLAIN, width, "  ")


def _untold(dark: Darkness) -> str:
    """The question, if it is one; otherwise how many."""
    asked = dict.fromkeys(blind.what for blind in dark.blinds)
    return next(iter(asked)) if len(asked) == 1 else f"{len(dark.codes)} rules" if asked else "anything of it"


def _reason(dark: Darkness) -> str:
    return f"{dark.node}: {dark.because}" if dark.node else dark.because


def _runbook(entry: Entry, width: int) -> Iterator[Line]:
    yield EMPTY
    yield from _labelled("means", [entry.means], width, Tone.MUTED)
    yield from _labelled("causes", list(entry.causes), width, Tone.MUTED)
    yield from _labelled("runbook", [f"{number}. {step}" for number, step in enumerate(entry.steps, 1)], width)


def _labelled(label: str, texts: list[str], width: int, tone: Tone = Tone.PLAIN) -> list[Line]:
    """The label stands before the first line of the first text."""
    lines: list[Line] = []
    for text in texts:
        for (span,) in wrapped(text, tone, width - LABEL):
            head = label if not lines else ""
            lines.append((Span(head.ljust(LABEL), Tone.MUTED), span))
    return lines


def hidden_words(hidden: int, moment: Moment) -> str:
    """What a filter holds back, and how to see it."""
    return f"{counted(hidden, 'finding')} hidden by /{moment.needle}, Esc shows {'it' if hidden == 1 else 'them'}"
