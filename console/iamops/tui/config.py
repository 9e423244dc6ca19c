"""The config view: every managed file of every node, how it stands, and what a push would change in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from iamops.judge.config import ConfigComparison, FileComparison, FileState
from iamops.model.events import ConfigCompared
from iamops.model.facts import Severity
from iamops.model.text import counted
from iamops.plan.config.change import FileChange
from iamops.plan.config.diff import diff_lines, side_by_side
from iamops.tui.app.actions import CONFIG, ActionContext
from iamops.tui.toolkit.list_screen import ItemList, ListScreen
from iamops.tui.toolkit.painted import ScreenPart, ViewState
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.screen import ViewSources
from iamops.tui.toolkit.text import (
    EMPTY,
    Line,
    Row,
    TableColumn,
    TextSpan,
    Tone,
    column,
    labelled,
    table_cells,
    table_headings,
)

STATES = {
    FileState.IN_SYNC: ("● in sync", Tone.OK),
    FileState.DRIFT: ("≠ drift", Tone.WARN),
    FileState.MISSING: ("✗ missing", Tone.DOWN),
    FileState.SURPLUS: ("▲ surplus", Tone.WARN),
    FileState.INVALID: ("✗ invalid", Tone.DOWN),
    FileState.FOREIGN: ("· not ours", Tone.MUTED),
}
SEVERITIES = {Severity.CRITICAL: Tone.DOWN, Severity.WARNING: Tone.WARN, Severity.INFO: Tone.MUTED}
COLUMNS: tuple[TableColumn[FileComparison], ...] = (
    TableColumn("", 19, lambda file: TextSpan(f" {file.node}", Tone.TITLE)),
    TableColumn("STATE", 12, lambda file: TextSpan(*STATES[file.state])),
    TableColumn("LINT", 7, lambda file: TextSpan(str(len(file.findings) or ""), Tone.WARN)),
)
FILE_AT = sum(table_column.width for table_column in COLUMNS)
# Two columns of less are no help to anyone.
SIDE_BY_SIDE_FROM = 100
CONTEXT = 3
MARKS = {"-": Tone.DOWN, "+": Tone.OK, "~": Tone.WARN, " ": Tone.PLAIN}


def _summary(comparison: ConfigComparison, width: int) -> tuple[Line, ...]:
    """What concerns all files: which could not be read, and what a push would mean."""
    lines: list[Line] = []
    if comparison.problem:
        lines += labelled("✗ ", comparison.problem, Tone.DOWN, width)
    for node, why in comparison.unreadable.items():
        lines += labelled(f"? {node}: ", why.removeprefix(f"{node}: "), Tone.UNKNOWN, width)
    for sentence in comparison.change_summary:
        lines += labelled("a push: ", sentence, Tone.ACCENT, width)
    return (*lines, EMPTY) if lines else ()


def _file_story(file: FileComparison, width: int) -> tuple[Line, ...]:
    """Lint's findings on one file, then what would change in it."""
    lines: list[Line] = []
    for finding in file.findings:
        rule, hit = finding.rule, finding.hit
        head = f"{rule.code} line {hit.line}: " if hit.line else f"{rule.code} "
        lines += labelled(head, f"{rule.title}: {hit.evidence}", SEVERITIES[rule.severity], width)
        lines += labelled(" " * len(head), f"fix: {rule.fix}", Tone.MUTED, width)
    change = file.change
    if change is None:
        unchanged = {
            FileState.IN_SYNC: "the file is what the profile asks for",
            FileState.FOREIGN: "not written by the profile; a push leaves it alone",
        }
        return (*lines, (TextSpan(unchanged.get(file.state, ""), Tone.MUTED),))
    if lines:
        lines.append(EMPTY)
    if width >= SIDE_BY_SIDE_FROM and change.old is not None and change.new is not None:
        return (*lines, *_beside(file, change, width))
    for line in diff_lines(change, file.node):
        header = line.startswith(("---", "+++", "@@"))
        lines.append((TextSpan(line, Tone.ACCENT if header else MARKS.get(line[:1], Tone.MUTED)),))
    return tuple(lines)


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


def _verdict(comparison: ConfigComparison) -> Line:
    """The list's title, at its right end."""
    if comparison.problem or comparison.unreadable:
        return (TextSpan(" ? not all could be read ", Tone.UNKNOWN),)
    if not comparison.files:
        return EMPTY
    if number := comparison.differing:
        return (TextSpan(f" ≠ {counted(number, 'file')} {'differs' if number == 1 else 'differ'} ", Tone.WARN),)
    return (TextSpan(" ● in sync ", Tone.OK),)


class ConfigList(ItemList[FileComparison]):
    """One line per file; what a push would change in the one under the cursor stands below."""

    PART = ScreenPart.CONFIG
    NAME = "Config"
    ABOUT = (
        "Every managed file of every node beside what the profile asks for, and what lint says of it. P pushes, "
        "once armed: staged and checked on every node first, the VIP's owner last, taken back unless it proves "
        "good. Below stands what a push would change in the file under the cursor; Space and b read on. Passwords "
        "are never shown. ^R reads the nodes again."
    )
    HEADINGS = (*table_headings(COLUMNS), (FILE_AT, TextSpan("FILE", Tone.MUTED)))

    def key_of(self, file: FileComparison) -> str:
        return file.key

    def filter_words(self, file: FileComparison) -> tuple[str, ...]:
        return (file.node, file.path, file.state, *(finding.rule.code for finding in file.findings))

    def row(self, file: FileComparison, width: int) -> Row:
        line = (*table_cells(COLUMNS, file), TextSpan(file.path))
        return Row.single_cell(file.key, line, f"{file.node}: {file.path}: {file.state}", width)


class ConfigScreen(ListScreen):
    """Shows one comparison of the files, and the next when something has changed."""

    NAME = CONFIG
    ABOUT = ConfigList.ABOUT
    LEARNS_AT = (ConfigCompared,)

    def __init__(self, view: ViewState, palette: Palette, base: ActionContext) -> None:
        self._files = ConfigList("list")
        self._comparison: ConfigComparison | None = None
        super().__init__(view, palette, base, self._files)

    async def learn(self, sources: ViewSources) -> Callable[[], None]:
        try:
            comparison = await sources.operator.config()
        except Exception as error:
            text = f"the files cannot be compared: {str(error) or type(error).__name__}"
            return lambda: self.toast(text, Severity.WARNING)

        def show() -> None:
            self._comparison = comparison
            self._files.show_items(comparison.files, _verdict(comparison))

        return show

    def story(self, width: int) -> tuple[Line, ...]:
        if self._comparison is None:
            return ((TextSpan("reading the nodes' files…", Tone.MUTED),),)
        lines, file = _summary(self._comparison, width), self._files.chosen
        return (*lines, *_file_story(file, width)) if file is not None else lines
