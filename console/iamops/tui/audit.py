"""The audit view: the runs of the ledger, and everything about the one under the cursor."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from iamops.judge.run import stage_word
from iamops.ledger.record import Record, fields, listed, number, text
from iamops.ledger.verify import ChainVerdict, LedgerRun, Page, runs_of
from iamops.model.facts import Severity
from iamops.model.safe_text import safe
from iamops.model.text import counted
from iamops.tui.app.actions import AUDIT, ActionContext
from iamops.tui.toolkit.frame_state import ScreenPart, ViewState
from iamops.tui.toolkit.list_screen import ListScreen
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.screen import ViewSources
from iamops.tui.toolkit.text import EMPTY, Line, PaneContent, Row, Rows, TextSpan, Tone

# The ledger as rows: one run a line, newest first, and the whole story of the one under the cursor.

MARKS = {
    "succeeded": ("● succeeded", Tone.OK),
    "passed": ("● passed", Tone.OK),
    "undone": ("↶ undone", Tone.WARN),
    "failed": ("✗ failed", Tone.DOWN),
    "unknown": ("? unknown", Tone.UNKNOWN),
    "refused": ("▲ refused", Tone.WARN),
}
CHAIN_BREAK = ("✗ broken", Tone.DOWN)
NO_OUTCOME = ("? no outcome", Tone.UNKNOWN)
MARK, WHEN = 13, 20
FIELD, STEP = 13, 18


def newest_first(records: Sequence[Record]) -> tuple[LedgerRun, ...]:
    return tuple(reversed(runs_of(records)))


def filter_words(run: LedgerRun) -> tuple[str, ...]:
    """What a filter looks for."""
    keys = ("action", "who", "from", "reason", "command")
    return (run.run, run.last.at, run.outcome, *(_of(run, key) for key in keys))


def verdict_span(verdict: ChainVerdict) -> TextSpan:
    """Whether the ledger can be believed."""
    broken = verdict.broken
    if broken is None:
        return TextSpan(f" {counted(verdict.records, 'record')}, chain intact ", Tone.OK)
    return TextSpan(f" ✗ BROKEN at record {broken.record} (line {broken.line}): {broken.reason} ", Tone.DOWN)


def run_row(run: LedgerRun, width: int) -> Row:
    """One line: when, outcome, what, who, why."""
    word, tone = CHAIN_BREAK if run.breaks else MARKS.get(run.outcome, NO_OUTCOME)
    when = safe(run.last.at.replace("T", " ")[:19])
    who, why = _of(run, "who"), _of(run, "reason")
    line: Line = (
        TextSpan(" " + when.ljust(WHEN), Tone.MUTED),
        TextSpan(word.ljust(MARK), tone),
        TextSpan(f"{_of(run, 'action')}  "),
        TextSpan(f"{who}  ", Tone.MUTED),
        TextSpan(why, Tone.MUTED),
    )
    return Row.whole(run.run, line, _of(run, "command") or f"run {run.run}", width)


def run_story(run: LedgerRun, width: int) -> tuple[Line, ...]:
    """Everything about one run, wrapped."""
    lines: list[Line] = []
    ended = {"outcome": run.outcome, "sentence": safe(run.sentence)}
    for key in ("action", "command", "who", "from", "reason", "overrides", "outcome", "sentence", "restored_by"):
        value = run.value(key)
        told = ", ".join(map(str, value)) if isinstance(value, list) else ended.get(key, _of(run, key))
        if told:
            lines += _field(key.replace("_", " "), told, width)
    if run.breaks:
        said = f"the chain is broken before record {run.last.n}; `iamops audit verify` says more"
        lines += [(TextSpan(line, Tone.DOWN),) for line in textwrap.wrap(said, max(20, width))]
    elif not run.outcome:
        lines.append((TextSpan("no outcome was recorded: the console was ended; look at the cluster", Tone.WARN),))
    lines += list(_steps(run, width))
    lines += list(_owners(run, width))
    lines += _field("records", ", ".join(f"{r.n} {r.kind} {r.hash[:12]}" for r in run.records), width)
    return tuple(lines)


def _steps(run: LedgerRun, width: int) -> Iterator[Line]:
    """Each as it was left: a run that is over leaves none waiting."""
    steps = listed(run.value("steps"))
    if steps:
        yield EMPTY
    for step in steps:
        found = fields(step)
        spent = number(found.get("took_s"))
        took = "       " if spent is None else f"{spent:5.1f} s"
        head = f"{safe(stage_word(text(found.get('stage'))))[:9]:<10}{took} "
        yield from _labelled(head, text(found.get("title")) if found else text(step), Tone.MUTED, width)
    for step in listed(run.value("undone")):
        found = fields(step)
        undone = f"{text(found.get('title'))}: {text(found.get('stage'))}" if found else text(step)
        yield from _labelled("undo".ljust(STEP), undone, Tone.WARN, width)


def _owners(run: LedgerRun, width: int) -> Iterator[Line]:
    before, after = run.owners
    if before or after:
        yield from _field("VIP owners", f"{_named(before)} before, {_named(after)} after", width)


def _named(owners: Any) -> str:
    """`iam-a`; with several VIPs each with its instance."""
    if not isinstance(owners, Mapping) or not owners:
        return "not known"
    who = {name: " and ".join(map(str, listed(nodes))) or "nobody" for name, nodes in owners.items()}
    return next(iter(who.values())) if len(who) == 1 else ", ".join(f"{name} {node}" for name, node in who.items())


def _field(name: str, text: str, width: int) -> list[Line]:
    return _labelled(f"{name:<{FIELD}}", text, Tone.MUTED, width)


def _labelled(head: str, text: str, tone: Tone, width: int) -> list[Line]:
    """A label and its text, wrapped beside it."""
    first, *rest = textwrap.wrap(safe(text), max(20, width - len(head))) or [""]
    return [(TextSpan(head, tone), TextSpan(first)), *((TextSpan(" " * len(head) + more),) for more in rest)]


def _of(run: LedgerRun, key: str) -> str:
    value = run.value(key)
    return "" if value is None else safe(str(value))


# The runs of the ledger, newest first.


class AuditList(Pane):
    """One line a run; the story of the one under the cursor stands below."""

    PART = ScreenPart.AUDIT
    FILTERED = True
    NAME = "Audit"
    ABOUT = (
        "Every action that was asked for on this machine: when, with which outcome, by whom and why. The "
        "ledger is a chain of hashes; the title says whether it is intact. c copies the command of the run "
        "under the cursor."
    )

    def __init__(self, ident: str) -> None:
        super().__init__(ident)
        self._page: Page | None = None
        self._runs: tuple[LedgerRun, ...] = ()

    def turn_to(self, page: Page) -> None:
        """Shows another state of the ledger."""
        self._page = page
        self._runs = newest_first(page.records)
        self.repaint()

    @property
    def chosen(self) -> LedgerRun | None:
        """The run under the cursor."""
        row = self._row_under_cursor()
        return next((run for run in self._runs if row is not None and run.run == row.key), None)

    def content(self, moment: ViewState, width: int, height: int) -> PaneContent:
        runs = [run for run in self._runs if moment.keeps(filter_words(run))]
        rows = Rows((run.run for run in runs), lambda n: run_row(runs[n], width))
        marks = (verdict_span(self._page.verdict),) if self._page else ()
        return PaneContent((TextSpan("AUDIT", Tone.TITLE),), rows=rows, marks=marks)


class AuditScreen(ListScreen):
    """Shows a page of the ledger."""

    NAME = AUDIT
    ABOUT = AuditList.ABOUT

    def __init__(self, moment: ViewState, palette: Palette, base: ActionContext) -> None:
        self._runs = AuditList("list")
        super().__init__(moment, palette, base, self._runs)

    async def learn(self, sources: ViewSources) -> Callable[[], None]:
        """Reads the ledger in a thread: a slow disk must not hold up the keyboard."""
        try:
            page = await asyncio.to_thread(sources.operator.audit)
        except OSError as error:
            text = f"the ledger cannot be read: {error.filename}: {error.strerror}"
            return lambda: self.toast(text, Severity.WARNING)
        return lambda: self.turn_to(page)

    def turn_to(self, page: Page) -> None:
        """Shows another state of the ledger, once the list has its place on the screen."""
        self._runs.turn_to(page)
        self.call_after_refresh(self.show_story)

    def story(self, width: int) -> tuple[Line, ...]:
        run = self._runs.chosen
        return run_story(run, width) if run else ((TextSpan("no records yet", Tone.MUTED),),)
