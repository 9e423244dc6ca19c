"""The triage view: what is wrong, how it is known, and what is safe to do next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType

from iamops.judge.findings import NOTHING_DURING, Finding
from iamops.judge.runbook.catalogue import CATALOGUE
from iamops.judge.runbook.entry import RunbookEntry
from iamops.judge.triage.events import tally
from iamops.judge.triage.summary import Darkness, darkness, name_of, number_of
from iamops.model.facts import LinkState, Severity
from iamops.model.safe_text import safe
from iamops.model.text import counted
from iamops.tui.app.actions import CONFIG, LOGS, OVERVIEW, TRAFFIC, TRIAGE, ActionContext
from iamops.tui.drills.screen import wrapped
from iamops.tui.overview.finding import ago, all_clear, how_old, key_of, placed
from iamops.tui.toolkit.frame_state import ALL, ScreenPart, ViewState
from iamops.tui.toolkit.health import SEVERITY_GLYPHS
from iamops.tui.toolkit.list_screen import ListScreen
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.screen import Location, NavigateTo, ViewSources
from iamops.tui.toolkit.text import EMPTY, Line, PaneContent, Row, Rows, TextSpan, Tone, column

# Findings as rows, causes with their symptoms below them; and the whole story of the one under the cursor.

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
class TriageLine:
    """One line of the list: a finding with how deep it stands below its cause, or what cannot be told."""

    key: str
    finding: Finding | None = None
    depth: int = 0
    unanswered: Darkness | None = None


def entered(moment: ViewState) -> tuple[TriageLine, ...]:
    """Everything the list holds, in order; findings first."""
    found = tuple(TriageLine(key_of(finding), finding, depth) for finding, depth in placed(moment.findings))
    unseen = {
        node.name: node.link.reason or "it is not connected"
        for node in moment.state.nodes.values()
        if node.link.state is LinkState.DOWN
    }
    dark = darkness(moment.inspection.diagnosis.blind, unseen) if moment.inspection is not None else ()
    unknown = (TriageLine(f"? {number} {each.node or '-'}", unanswered=each) for number, each in enumerate(dark))
    return (*found, *unknown)


def entry_row(entry: TriageLine, moment: ViewState, width: int) -> Row:
    """One line; what `c` copies is the next command."""
    if entry.unanswered is not None:
        said = f"cannot tell {_untold(entry.unanswered)}: {_reason(entry.unanswered)}"
        return Row.whole(entry.key, (TextSpan(f" ? {said}", Tone.UNKNOWN),), said, width)
    finding = _finding_of(entry)
    glyph, tone = SEVERITY_GLYPHS[finding.severity]
    if entry.depth:
        head, calm = TextSpan(f"{'   ' * entry.depth}└ {glyph} ", tone), Tone.MUTED
    else:
        head, calm = TextSpan(f" {glyph} {finding.severity.upper():<8} ", tone), Tone.PLAIN
    name = TextSpan(_short(finding.code, width, TITLE_AT - len(head.text)), Tone.MUTED)
    line: Line = (head, name, TextSpan(finding.title, calm), TextSpan(how_old(finding, moment), Tone.MUTED))
    return Row.whole(entry.key, line, finding.next, width)


def looked_line(moment: ViewState, looking: bool, problem: str) -> Line:
    """How old the deep look is: it is part of what is shown."""
    if problem:
        return (TextSpan(f"✗ {safe(problem, 60)}", Tone.DOWN),)
    if looking:
        return (TextSpan("looking deeper…", Tone.ACCENT),)
    if moment.inspection is None:
        return (TextSpan("deep look: never", Tone.MUTED),)
    return (TextSpan(f"looked {ago(moment.now - moment.inspection.at)} ago, ^R again", Tone.MUTED),)


def entry_story(entry: TriageLine | None, moment: ViewState, hidden: int, width: int) -> tuple[Line, ...]:
    """Evidence with ages, cause, symptoms, what is safe to do, and the rest of the runbook.

    Without an entry: what that means. `hidden` findings are no all-clear.
    """
    if entry is None:
        if hidden:
            return tuple(wrapped(hidden_words(hidden, moment), Tone.WARN, width))
        return (tuple(TextSpan(span.text, Tone.MUTED) for span in all_clear(moment)),)
    if entry.unanswered is not None:
        return tuple(_dark_story(entry.unanswered, width))
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


def _finding_of(entry: TriageLine) -> Finding:
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


def _runbook(entry: RunbookEntry, width: int) -> Iterator[Line]:
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
            lines.append((TextSpan(head.ljust(LABEL), Tone.MUTED), span))
    return lines


def hidden_words(hidden: int, moment: ViewState) -> str:
    """What a filter holds back, and how to see it."""
    them = "it" if hidden == 1 else "them"
    return f"{counted(hidden, 'finding')} hidden by /{moment.filter_text}, Esc shows {them}"


# The findings: causes with their symptoms below them, then what cannot be told.


class TriageList(Pane):
    """One line a finding; everything about the one under the cursor stands below."""

    PART = ScreenPart.FINDING
    FILTERED = True
    NAME = "Triage"
    ABOUT = (
        "What is wrong, the worst first; what follows from a finding stands under it (└). The live state is "
        "judged all the time; a deep look (journals, files, logs) is taken when this is opened and with ^R, and "
        "its age stands above. Lines with ? cannot be told, and why. c copies the next command, Enter goes to "
        "where the finding is seen, Space and b read on below."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "app.perform('evidence')", "Its evidence", show=False)
    ]

    def __init__(self, ident: str) -> None:
        super().__init__(ident)
        self.looking = False
        self.problem = ""
        self._entries: tuple[TriageLine, ...] = ()
        self._wanted = ""
        self.hidden = 0

    @property
    def chosen(self) -> TriageLine | None:
        """The line under the cursor."""
        row = self._row_under_cursor()
        return next((each for each in self._entries if row is not None and each.key == row.key), None)

    def seek(self, key: str) -> None:
        """Puts the cursor on a finding as soon as it is in the list."""
        self._wanted = key
        self.repaint()

    def move(self, dx: int, dy: int) -> None:
        self._wanted = ""
        super().move(dx, dy)

    def content(self, moment: ViewState, width: int, height: int) -> PaneContent:
        every = entered(moment)
        self._entries = tuple(each for each in every if _passes(each, moment))
        if self._wanted and any(each.key == self._wanted for each in self._entries):
            self._key, self._wanted = self._wanted, ""
        self.hidden = _findings(every) - _findings(self._entries)
        marks = looked_line(moment, self.looking, self.problem)
        title = (TextSpan(f"TRIAGE {tally(moment.findings)}", Tone.TITLE),)
        rows = [entry_row(each, moment, width) for each in self._entries]
        if self.hidden:
            rows.append(Row("", (TextSpan(f" ▲ {hidden_words(self.hidden, moment)}", Tone.WARN),)))
        elif not rows:
            nothing: Line = (TextSpan(" nothing matches the filter", Tone.MUTED),) if every else all_clear(moment)
            rows.append(Row("", nothing))
        return PaneContent(title, rows=Rows.of(rows), marks=marks)


def _findings(entries: tuple[TriageLine, ...]) -> int:
    return sum(each.finding is not None for each in entries)


def _passes(entry: TriageLine, moment: ViewState) -> bool:
    """By what the filter is typed for: code, node, title, reason."""
    if entry.unanswered is not None:
        return moment.keeps((entry.unanswered.because, entry.unanswered.node or "", *entry.unanswered.codes))
    finding = entry.finding
    return finding is None or moment.keeps((finding.code, finding.node or "", finding.title, finding.next))


LIST_MIN = 4


class TriageScreen(ListScreen):
    """Judges the live state with every frame, and looks deeper when it is opened or asked to."""

    NAME = TRIAGE
    ABOUT = TriageList.ABOUT
    ALARMED = False

    def __init__(self, moment: ViewState, palette: Palette, base: ActionContext) -> None:
        self._list = TriageList("list")
        self._told: tuple[Line, ...] = ()
        super().__init__(moment, palette, base, self._list)

    async def learn(self, sources: ViewSources) -> Callable[[], None]:
        """The look goes on while the live findings are shown; its failure hides none of them."""
        self._list.looking = True
        self._list.repaint()
        try:
            await sources.examine()
        except Exception as error:
            text = f"the deep look failed: {str(error) or type(error).__name__}"
            return lambda: self._failed(text)
        return self._looked

    def _looked(self) -> None:
        """What the look found comes with the next moment, as it does to every other view."""
        self._list.looking, self._list.problem = False, ""
        self._list.repaint()
        self.call_after_refresh(self.show_story)

    def _failed(self, text: str) -> None:
        self._list.looking, self._list.problem = False, text
        self._list.repaint()
        self.toast(text, Severity.WARNING)

    def go_to(self, spot: Location) -> None:
        if spot.key:
            self._list.seek(spot.key)
            self.call_after_refresh(self.show_story)

    def show_evidence(self) -> None:
        chosen = self._list.chosen
        if chosen is None or chosen.finding is None:
            self.toast("nothing was seen: that is the reason")
            return
        view, at = sought(chosen.finding, self.moment.now)
        self.post_message(NavigateTo(view, Location(node=chosen.finding.node, at=at)))

    # --- the story, which ages ---

    def story(self, width: int) -> tuple[Line, ...]:
        return entry_story(self._list.chosen, self.moment, self._list.hidden, width)

    def paint(self, moment: ViewState, parts: frozenset[ScreenPart] = ALL) -> None:
        """Ages move on and evidence changes under a cursor that stays."""
        super().paint(moment, parts)
        self._make_room()
        if ScreenPart.FINDING in parts and self.is_mounted and self.story(self._width) != self._told:
            self.show_story()

    def _make_room(self) -> None:
        """The list has what it needs, and not more than half: the rest belongs to the story."""
        wanted = min(max(LIST_MIN, self._list.row_count + 2), max(LIST_MIN, self.size.height // 2 - 1))
        if self._list.size.height != wanted:
            self._list.styles.height = wanted

    def show_story(self) -> None:
        self._make_room()
        self._told = self.story(self._width)
        super().show_story()

    @property
    def _width(self) -> int:
        return max(40, self.size.width - 4)
