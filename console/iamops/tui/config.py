"""The config view: every managed file of every node, how it stands, and what a push would change in it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator

from iamops.judge.config import ConfigComparison, FileComparison, FileState
from iamops.model.events import ConfigCompared
from iamops.model.facts import Severity
from iamops.model.safe_text import safe
from iamops.model.text import counted
from iamops.plan.config.change import FileChange, diff_lines, side_by_side
from iamops.tui.app.actions import CONFIG, ActionContext
from iamops.tui.toolkit.frame_state import ScreenPart, ViewState
from iamops.tui.toolkit.list_screen import ListScreen
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.screen import ViewSources
from iamops.tui.toolkit.text import EMPTY, Line, PaneContent, Row, Rows, TextSpan, Tone, column

# Configuration files as lines: how each stands, and what a push would change in it.

STATES = {
    FileState.IN_SYNC: ("● in sync", Tone.OK),
    FileState.DRIFT: ("≠ drift", Tone.WARN),
    FileState.MISSING: ("✗ missing", Tone.DOWN),
    FileState.SURPLUS: ("▲ surplus", Tone.WARN),
    FileState.INVALID: ("✗ invalid", Tone.DOWN),
    FileState.FOREIGN: ("· not ours", Tone.MUTED),
}
SEVERITIES = {Severity.CRITICAL: Tone.DOWN, Severity.WARNING: Tone.WARN, Severity.INFO: Tone.MUTED}
NODE, STATE, LINT = 18, 12, 7
HEADINGS: tuple[tuple[int, TextSpan], ...] = (
    (NODE + 1, TextSpan("STATE", Tone.MUTED)),
    (NODE + STATE + 1, TextSpan("LINT", Tone.MUTED)),
    (NODE + STATE + LINT + 1, TextSpan("FILE", Tone.MUTED)),
)
# Two columns of less are no help to anyone.
SIDE_BY_SIDE_FROM = 100
CONTEXT = 3
MARKS = {"-": Tone.DOWN, "+": Tone.OK, "~": Tone.WARN, " ": Tone.PLAIN}


def verdict(sight: ConfigComparison) -> Line:
    """The pane's title, at its right end."""
    if sight.problem or sight.unreadable:
        return (TextSpan(" ? not all could be read ", Tone.UNKNOWN),)
    if not sight.files:
        return EMPTY
    if sight.differing:
        return (
            TextSpan(
                f" ≠ {counted(sight.differing, 'file')} {'differs' if sight.differing == 1 else 'differ'} ",
                Tone.WARN,
            ),
        )
    return (TextSpan(" ● in sync ", Tone.OK),)


def filter_words(file: FileComparison) -> tuple[str, ...]:
    """What a filter looks for."""
    return (file.node, file.path, file.state, *(each.rule.code for each in file.findings))


def file_row(file: FileComparison, width: int) -> Row:
    """One line: node, state, how much lint has to say, path."""
    word, tone = STATES[file.state]
    count = f"{len(file.findings)}" if file.findings else ""
    line: Line = (
        TextSpan(" " + column(file.node, NODE - 1) + " ", Tone.TITLE),
        TextSpan(column(word, STATE), tone),
        TextSpan(column(count, LINT), Tone.WARN),
        TextSpan(file.path),
    )
    return Row.whole(file.key, line, f"{file.node}: {file.path}: {file.state}", width)


def summary(sight: ConfigComparison, width: int) -> tuple[Line, ...]:
    """What concerns the whole: what could not be read, and what a push would mean."""
    lines: list[Line] = []
    if sight.problem:
        lines += _wrapped("✗ ", sight.problem, Tone.DOWN, width)
    for node, why in sight.unreadable.items():
        lines += _wrapped(f"? {node}: ", why.removeprefix(f"{node}: "), Tone.UNKNOWN, width)
    for sentence in sight.change_summary:
        lines += _wrapped("a push: ", sentence, Tone.ACCENT, width)
    return (*lines, EMPTY) if lines else ()


def file_story(file: FileComparison, width: int) -> tuple[Line, ...]:
    """Lint's findings on one file, then what would change in it."""
    lines: list[Line] = []
    for finding in file.findings:
        at = f"line {finding.hit.line}: " if finding.hit.line else ""
        head = f"{finding.rule.code} {at}"
        lines += _wrapped(
            head, f"{finding.rule.title}: {finding.hit.evidence}", SEVERITIES[finding.rule.severity], width
        )
        lines += _wrapped(" " * len(head), f"fix: {finding.rule.fix}", Tone.MUTED, width)
    if file.change is None:
        words = "the file is what the profile asks for" if file.state is FileState.IN_SYNC else ""
        words = "not written by the profile; a push leaves it alone" if file.state is FileState.FOREIGN else words
        return (*lines, (TextSpan(words, Tone.MUTED),))
    if lines:
        lines.append(EMPTY)
    both = width >= SIDE_BY_SIDE_FROM and file.change.old is not None and file.change.new is not None
    return (*lines, *(_beside(file, file.change, width) if both else _unified(file, file.change)))


def _unified(file: FileComparison, change: FileChange) -> Iterator[Line]:
    for line in diff_lines(change, file.node):
        tone = MARKS.get(line[:1], Tone.MUTED)
        yield (TextSpan(line, Tone.ACCENT if line.startswith(("---", "+++", "@@")) else tone),)


def _beside(file: FileComparison, change: FileChange, width: int) -> Iterator[Line]:
    """Node on the left, profile on the right; long stretches of equal lines are left out."""
    half = (width - 3) // 2
    yield (
        TextSpan(column(f"on {file.node}", half), Tone.TITLE),
        TextSpan(" │ "),
        TextSpan("in the profile", Tone.TITLE),
    )
    rows = list(side_by_side(change))
    near = {m for n, (mark, _, _) in enumerate(rows) if mark != " " for m in range(n - CONTEXT, n + CONTEXT + 1)}
    skipped = False
    for n, (mark, left, right) in enumerate(rows):
        if n not in near:
            if not skipped:
                yield (TextSpan("⋯", Tone.MUTED),)
            skipped = True
            continue
        skipped = False
        old = MARKS["-"] if mark in "-~" else Tone.PLAIN
        new = MARKS["+"] if mark in "+~" else Tone.PLAIN
        middle = TextSpan(f" {mark if mark != ' ' else '│'} ", MARKS[mark])
        yield (TextSpan(column(left, half), old), middle, TextSpan(column(right, half), new))


def _wrapped(head: str, text: str, tone: Tone, width: int) -> list[Line]:
    first, *rest = textwrap.wrap(safe(text), max(20, width - len(head))) or [""]
    return [(TextSpan(head, tone), TextSpan(first)), *((TextSpan(" " * len(head) + more),) for more in rest)]


# The nodes' files, those that need a look first.


class ConfigList(Pane):
    """One line a file; what a push would change in the one under the cursor stands below."""

    PART = ScreenPart.CONFIG
    FILTERED = True
    NAME = "Config"
    ABOUT = (
        "Every managed file of every node beside what the profile asks for, and what lint says of it. P pushes, "
        "once armed: staged and checked on every node first, the VIP's owner last, taken back unless it proves "
        "good. Below stands what a push would change in the file under the cursor; Space and b read on. Passwords "
        "are never shown. ^R reads the nodes again."
    )

    def __init__(self, ident: str) -> None:
        super().__init__(ident)
        self._sight = ConfigComparison()

    def turn_to(self, sight: ConfigComparison) -> None:
        self._sight = sight
        self.repaint()

    @property
    def chosen(self) -> FileComparison | None:
        """The file under the cursor."""
        row = self._row_under_cursor()
        return next((file for file in self._sight.files if row is not None and file.key == row.key), None)

    def content(self, moment: ViewState, width: int, height: int) -> PaneContent:
        files = [file for file in self._sight.files if moment.keeps(filter_words(file))]
        rows = Rows((file.key for file in files), lambda n: file_row(files[n], width))
        return PaneContent(
            (TextSpan("CONFIG", Tone.TITLE),), rows=rows, marks=verdict(self._sight), overlays=HEADINGS
        )


class ConfigScreen(ListScreen):
    """Shows one sight of the files, and the next when something has changed."""

    NAME = CONFIG
    ABOUT = ConfigList.ABOUT
    LEARNS_AT = (ConfigCompared,)

    def __init__(self, moment: ViewState, palette: Palette, base: ActionContext) -> None:
        self._files = ConfigList("list")
        self._sight: ConfigComparison | None = None
        super().__init__(moment, palette, base, self._files)

    async def learn(self, sources: ViewSources) -> Callable[[], None]:
        try:
            sight = await sources.operator.config()
        except Exception as error:
            text = f"the files cannot be compared: {str(error) or type(error).__name__}"
            return lambda: self.toast(text, Severity.WARNING)
        return lambda: self.turn_to(sight)

    def turn_to(self, sight: ConfigComparison) -> None:
        """Shows another sight, once the list has its place on the screen."""
        self._sight = sight
        self._files.turn_to(sight)
        self.call_after_refresh(self.show_story)

    def story(self, width: int) -> tuple[Line, ...]:
        sight, chosen = self._sight, self._files.chosen
        if sight is None:
            return ((TextSpan("reading the nodes' files…", Tone.MUTED),),)
        lines = summary(sight, width)
        return (*lines, *file_story(chosen, width)) if chosen is not None else lines
