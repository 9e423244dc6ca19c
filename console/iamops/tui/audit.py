"""The audit view: the runs of the ledger, and everything about the one under the cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping

from iamops.judge.run import stage_word
from iamops.ledger.record import fields, finite_number, listed, text
from iamops.ledger.verify import ChainVerdict, LedgerRun, runs_of
from iamops.model.facts import Severity
from iamops.model.text import counted, safe
from iamops.tui.app.actions import AUDIT, ActionContext
from iamops.tui.toolkit.list_screen import ItemList, ListScreen
from iamops.tui.toolkit.painted import ScreenPart, ViewState
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.screen import ViewSources
from iamops.tui.toolkit.text import EMPTY, Line, Row, TextSpan, Tone, labelled, wrapped

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


def run_story(run: LedgerRun, width: int) -> tuple[Line, ...]:
    """Everything about one run, wrapped."""
    lines: list[Line] = []

    def add(name: str, value: str) -> None:
        lines.extend(labelled(f"{name:<{FIELD}}", value, Tone.MUTED, width))

    ended = {"outcome": run.outcome, "sentence": safe(run.sentence)}
    for key in ("action", "command", "who", "from", "reason", "overrides", "outcome", "sentence", "restored_by"):
        value = run.value(key)
        words = ", ".join(map(str, value)) if isinstance(value, list) else ended.get(key, _field(run, key))
        if words:
            add(key.replace("_", " "), words)
    if run.breaks:
        words = f"the chain is broken before record {run.last.n}; `iamops audit verify` says more"
        lines += wrapped(words, Tone.DOWN, width)
    elif not run.outcome:
        lines.append((TextSpan("no outcome was recorded: the console was ended; look at the cluster", Tone.WARN),))
    lines += _steps(run, width)
    before, after = run.owners
    if before or after:
        add("VIP owners", f"{_owners(before)} before, {_owners(after)} after")
    add("records", ", ".join(f"{record.n} {record.kind} {record.hash[:12]}" for record in run.records))
    return tuple(lines)


def _steps(run: LedgerRun, width: int) -> Iterator[Line]:
    """Each step as it was left: a run that is over leaves none waiting."""
    steps = listed(run.value("steps"))
    if steps:
        yield EMPTY
    for step in steps:
        found = fields(step)
        spent = finite_number(found.get("took_s"))
        took = "       " if spent is None else f"{spent:5.1f} s"
        head = f"{safe(stage_word(text(found.get('stage'))))[:9]:<10}{took} "
        yield from labelled(head, text(found.get("title")) if found else text(step), Tone.MUTED, width)
    for step in listed(run.value("undone")):
        found = fields(step)
        undone = f"{text(found.get('title'))}: {text(found.get('stage'))}" if found else text(step)
        yield from labelled("undo".ljust(STEP), undone, Tone.WARN, width)


def _owners(owners: object) -> str:
    """`iam-a`; of several VIPs each owner with the instance."""
    if not isinstance(owners, Mapping) or not owners:
        return "not known"
    who = {name: " and ".join(map(str, listed(nodes))) or "nobody" for name, nodes in owners.items()}
    return next(iter(who.values())) if len(who) == 1 else ", ".join(f"{name} {node}" for name, node in who.items())


def _field(run: LedgerRun, key: str) -> str:
    value = run.value(key)
    return "" if value is None else safe(str(value))


def _chain(verdict: ChainVerdict) -> Line:
    """Whether the ledger can be believed."""
    broken = verdict.broken
    if broken is None:
        return (TextSpan(f" {counted(verdict.records, 'record')}, chain intact ", Tone.OK),)
    words = f" ✗ BROKEN at record {broken.record} (line {broken.line}): {broken.reason} "
    return (TextSpan(words, Tone.DOWN),)


class AuditList(ItemList[LedgerRun]):
    """One line per run, newest first; the story of the one under the cursor stands below."""

    PART = ScreenPart.AUDIT
    NAME = "Audit"
    ABOUT = (
        "Every action that was asked for on this machine: when, with which outcome, by whom and why. The "
        "ledger is a chain of hashes; the title says whether it is intact. c copies the command of the run "
        "under the cursor."
    )

    def key_of(self, run: LedgerRun) -> str:
        return run.run

    def filter_words(self, run: LedgerRun) -> tuple[str, ...]:
        keys = ("action", "who", "from", "reason", "command")
        return (run.run, run.last.at, run.outcome, *(_field(run, key) for key in keys))

    def row(self, run: LedgerRun, width: int) -> Row:
        """When, outcome, what, who, why."""
        word, tone = CHAIN_BREAK if run.breaks else MARKS.get(run.outcome, NO_OUTCOME)
        when = safe(run.last.at.replace("T", " ")[:19])
        line: Line = (
            TextSpan(" " + when.ljust(WHEN), Tone.MUTED),
            TextSpan(word.ljust(MARK), tone),
            TextSpan(f"{_field(run, 'action')}  "),
            TextSpan(f"{_field(run, 'who')}  ", Tone.MUTED),
            TextSpan(_field(run, "reason"), Tone.MUTED),
        )
        return Row.single_cell(run.run, line, _field(run, "command") or f"run {run.run}", width)


class AuditScreen(ListScreen):
    """Shows a page of the ledger."""

    NAME = AUDIT
    ABOUT = AuditList.ABOUT

    def __init__(self, view: ViewState, palette: Palette, base: ActionContext) -> None:
        self._runs = AuditList("list")
        super().__init__(view, palette, base, self._runs)

    async def learn(self, sources: ViewSources) -> Callable[[], None]:
        """Reads the ledger in a thread: a slow disk must not hold up the keyboard."""
        try:
            page = await asyncio.to_thread(sources.operator.audit)
        except OSError as error:
            text = f"the ledger cannot be read: {error.filename}: {error.strerror}"
            return lambda: self.toast(text, Severity.WARNING)
        return lambda: self._runs.show_items(runs_of(page.records)[::-1], _chain(page.verdict))

    def story(self, width: int) -> tuple[Line, ...]:
        run = self._runs.chosen
        return run_story(run, width) if run else ((TextSpan("no records yet", Tone.MUTED),),)
