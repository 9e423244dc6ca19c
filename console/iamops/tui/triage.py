"""The triage view: what is wrong, how it is known, and what is safe to do next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType

from iamops.judge.findings import NOTHING_DURING, Finding
from iamops.judge.runbook.catalogue import CATALOGUE
from iamops.judge.triage.events import tally
from iamops.judge.triage.summary import NotEvaluatedGroup, name_of, not_evaluated_groups, number_of
from iamops.model.facts import LinkState, Severity
from iamops.model.text import counted, safe
from iamops.tui.app.actions import CONFIG, LOGS, OVERVIEW, TRAFFIC, TRIAGE, ActionContext
from iamops.tui.overview.finding import ago, all_clear, how_old, in_order, key_of
from iamops.tui.toolkit.health import SEVERITY_GLYPHS
from iamops.tui.toolkit.list_screen import ItemList, ListScreen
from iamops.tui.toolkit.painted import ALL, ScreenPart, ViewState
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.screen import Location, NavigateTo, ViewSources
from iamops.tui.toolkit.text import EMPTY, Line, PaneContent, Row, Rows, TextSpan, Tone, column, labelled, wrapped

TITLE_AT = 40
WIDE = 110
LABEL = 10
# The view that shows what a source of evidence said; the first that fits.
SOURCES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("access log", "request"), TRAFFIC),
    (("journal", "error log", "notify log"), LOGS),
    (("file", "config", "nginx -t", "keepalived -t", "conf"), CONFIG),
)


@dataclass(frozen=True, slots=True)
class TriageLine:
    """One line of the list: a finding with how deep it stands below its cause, or what cannot be told."""

    key: str
    subject: Finding | NotEvaluatedGroup
    depth: int = 0


def triage_lines(view: ViewState) -> tuple[TriageLine, ...]:
    """Everything the list holds, in order; findings first."""
    lines = [TriageLine(key_of(finding), finding, depth) for finding, depth in in_order(view.findings)]
    if view.inspection is None:
        return tuple(lines)
    not_connected = {
        node.name: node.link.reason or "it is not connected"
        for node in view.state.nodes.values()
        if node.link.state is LinkState.DOWN
    }
    groups = not_evaluated_groups(view.inspection.diagnosis.not_evaluated, not_connected)
    lines += [TriageLine(f"? {number} {group.node or '-'}", group) for number, group in enumerate(groups)]
    return tuple(lines)


def _row(line: TriageLine, view: ViewState, width: int) -> Row:
    """Its detail, which `c` copies, is the next command."""
    subject = line.subject
    if isinstance(subject, NotEvaluatedGroup):
        questions = dict.fromkeys(blind.what for blind in subject.members)
        what = next(iter(questions)) if len(questions) == 1 else f"{len(subject.codes)} rules"
        words = f"cannot tell {what if questions else 'anything of it'}: {_reason(subject)}"
        return Row.single_cell(line.key, (TextSpan(f" ? {words}", Tone.UNKNOWN),), words, width)
    glyph, tone = SEVERITY_GLYPHS[subject.severity]
    if line.depth:
        head, title_tone = f"{'   ' * line.depth}└ {glyph} ", Tone.MUTED
    else:
        head, title_tone = f" {glyph} {subject.severity.upper():<8} ", Tone.PLAIN
    # On a narrow screen the number is enough: the title needs the room.
    name = number_of(subject.code) or subject.code
    if width >= WIDE:
        name = column(name_of(subject.code), TITLE_AT - len(head))
    spans: Line = (
        TextSpan(head, tone),
        TextSpan(f"{name} ", Tone.MUTED),
        TextSpan(subject.title, title_tone),
        TextSpan(how_old(subject, view), Tone.MUTED),
    )
    return Row.single_cell(line.key, spans, subject.next, width)


def _reason(group: NotEvaluatedGroup) -> str:
    return f"{group.node}: {group.because}" if group.node else group.because


def hidden_words(hidden: int, view: ViewState) -> str:
    """What a filter holds back, and how to see it."""
    them = "it" if hidden == 1 else "them"
    return f"{counted(hidden, 'finding')} hidden by /{view.filter_text}, Esc shows {them}"


def triage_story(line: TriageLine | None, view: ViewState, hidden: int, width: int) -> tuple[Line, ...]:
    """Evidence with ages, cause, symptoms, what is safe to do, and the rest of the runbook.

    Without a line: what that means. `hidden` findings are no all-clear.
    """
    if line is None:
        if hidden:
            return tuple(wrapped(hidden_words(hidden, view), Tone.WARN, width))
        return (tuple(TextSpan(span.text, Tone.MUTED) for span in all_clear(view)),)
    if isinstance(line.subject, NotEvaluatedGroup):
        lines = wrapped(f"? cannot tell, because {_reason(line.subject)}", Tone.UNKNOWN, width)
        lines.append(EMPTY)
        for blind in line.subject.members:
            lines += wrapped(f"{name_of(blind.code)}: {blind.what}", Tone.PLAIN, width, "  ")
        return tuple(lines)
    return tuple(_finding_story(line.subject, view, width))


def _finding_story(finding: Finding, view: ViewState, width: int) -> Iterator[Line]:
    glyph, tone = SEVERITY_GLYPHS[finding.severity]
    title = f"{glyph} {finding.severity.upper()} {name_of(finding.code)}: {finding.title}{how_old(finding, view)}"
    explains = [f"{name_of(symptom.code)}: {symptom.title}" for symptom in finding.explains]
    yield from wrapped(title, tone, width)
    yield from _section("because", list(map(str, finding.evidence)) or ["no evidence given"], width)
    yield from _section("cause", [finding.cause], width)
    yield from _section("means", [finding.means], width)
    yield from _section("explains", explains, width)
    yield from _section("next", [finding.next], width, Tone.ACCENT)
    # During a run there is nothing to do: the runbook would advise what that run is about.
    entry = None if finding.next.startswith(NOTHING_DURING) else CATALOGUE.get(finding.code)
    if entry is not None:
        yield EMPTY
        yield from _section("means", [entry.means], width, Tone.MUTED)
        yield from _section("causes", entry.causes, width, Tone.MUTED)
        yield from _section("runbook", [f"{number}. {step}" for number, step in enumerate(entry.steps, 1)], width)


def _section(label: str, texts: Sequence[str], width: int, tone: Tone = Tone.PLAIN) -> Iterator[Line]:
    """The label stands before the first line of the first text."""
    for text in filter(None, texts):
        yield from labelled(label.ljust(LABEL), text, Tone.MUTED, width, tone)
        label = ""


def evidence_place(finding: Finding, now: float) -> tuple[str, float | None]:
    """The view that shows its first evidence, and the time of that evidence if it has one."""
    for evidence in finding.evidence:
        at = None if evidence.age_s is None else now - evidence.age_s
        for words, view in SOURCES:
            if any(word in evidence.source.casefold() for word in words):
                return view, at
    return OVERVIEW, None


class TriageList(ItemList[TriageLine]):
    """Causes with their symptoms below them, then what cannot be told; the chosen one's story stands below."""

    PART = ScreenPart.FINDING
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
        self.inspecting = False
        self.problem = ""
        self.hidden = 0
        self._wanted = ""

    def key_of(self, line: TriageLine) -> str:
        return line.key

    def filter_words(self, line: TriageLine) -> tuple[str, ...]:
        subject = line.subject
        if isinstance(subject, NotEvaluatedGroup):
            return (subject.because, subject.node or "", *subject.codes)
        return (subject.code, subject.node or "", subject.title, subject.next)

    def seek(self, key: str) -> None:
        """Puts the cursor on a finding as soon as it is in the list."""
        self._wanted = key
        self.repaint()

    def move(self, dx: int, dy: int) -> None:
        self._wanted = ""
        super().move(dx, dy)

    def content(self, view: ViewState, width: int, height: int) -> PaneContent:
        lines = triage_lines(view)
        self.items = tuple(line for line in lines if view.passes_filter(self.filter_words(line)))
        if self._wanted and any(line.key == self._wanted for line in self.items):
            self._key, self._wanted = self._wanted, ""
        found, shown = (sum(isinstance(line.subject, Finding) for line in kept) for kept in (lines, self.items))
        self.hidden = found - shown
        rows = [_row(line, view, width) for line in self.items]
        if self.hidden:
            rows.append(Row("", (TextSpan(f" ▲ {hidden_words(self.hidden, view)}", Tone.WARN),)))
        elif not rows:
            nothing: Line = (TextSpan(" nothing matches the filter", Tone.MUTED),) if lines else all_clear(view)
            rows.append(Row("", nothing))
        title = (TextSpan(f"TRIAGE {tally(view.findings)}", Tone.TITLE),)
        return PaneContent(title, rows=Rows.of(rows), marks=(self._inspection(view),))

    def _inspection(self, view: ViewState) -> TextSpan:
        """How old the deep look is: part of the list comes from it."""
        if self.problem:
            return TextSpan(f"✗ {safe(self.problem, 60)}", Tone.DOWN)
        if self.inspecting:
            return TextSpan("looking deeper…", Tone.ACCENT)
        if view.inspection is None:
            return TextSpan("deep look: never", Tone.MUTED)
        return TextSpan(f"looked {ago(view.now - view.inspection.at)} ago, ^R again", Tone.MUTED)


LIST_MIN = 4


class TriageScreen(ListScreen):
    """Judges the live state with every frame, and inspects the nodes when it is opened or asked to."""

    NAME = TRIAGE
    ABOUT = TriageList.ABOUT
    ALARMED = False

    def __init__(self, view: ViewState, palette: Palette, base: ActionContext) -> None:
        self._list = TriageList("list")
        self._shown_story: tuple[Line, ...] = ()
        super().__init__(view, palette, base, self._list)

    async def learn(self, sources: ViewSources) -> Callable[[], None]:
        """The inspection goes on while the live findings are shown; its failure hides none of them."""
        self._list.inspecting = True
        self._list.repaint()
        problem = ""
        try:
            await sources.examine()
        except Exception as error:
            problem = f"the deep look failed: {str(error) or type(error).__name__}"
        return lambda: self._inspected(problem)

    def _inspected(self, problem: str) -> None:
        """What the inspection found comes with the next frame, as it does to every other view."""
        self._list.inspecting, self._list.problem = False, problem
        self._list.repaint()
        if problem:
            self.toast(problem, Severity.WARNING)
        else:
            self.call_after_refresh(self.show_story)

    def go_to(self, location: Location) -> None:
        if location.key:
            self._list.seek(location.key)
            self.call_after_refresh(self.show_story)

    def show_evidence(self) -> None:
        chosen = self._list.chosen
        if chosen is None or isinstance(chosen.subject, NotEvaluatedGroup):
            self.toast("nothing was seen: that is the reason")
            return
        view, at = evidence_place(chosen.subject, self.view_state.now)
        self.post_message(NavigateTo(view, Location(node=chosen.subject.node, at=at)))

    # --- the story, which ages ---

    def story(self, width: int) -> tuple[Line, ...]:
        return triage_story(self._list.chosen, self.view_state, self._list.hidden, width)

    def paint(self, view: ViewState, parts: frozenset[ScreenPart] = ALL) -> None:
        """Ages move on and evidence changes under a cursor that stays."""
        super().paint(view, parts)
        self._make_room()
        if ScreenPart.FINDING in parts and self.is_mounted and self.story(self._width) != self._shown_story:
            self.show_story()

    def show_story(self) -> None:
        self._make_room()
        self._shown_story = self.story(self._width)
        super().show_story()

    def _make_room(self) -> None:
        """The list gets what it needs, but at most half: the rest belongs to the story."""
        wanted = min(max(LIST_MIN, self._list.row_count + 2), max(LIST_MIN, self.size.height // 2 - 1))
        if self._list.size.height != wanted:
            self._list.styles.height = wanted

    @property
    def _width(self) -> int:
        return max(40, self.size.width - 4)
