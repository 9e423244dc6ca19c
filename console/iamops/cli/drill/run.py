"""Drills from a shell: plan, ask, run, tell, and the report in the files that were asked for."""

from __future__ import annotations

import argparse
import contextlib
import functools
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from iamops.cli.acting import GuardedSession, asks_first, dry_lines, overridden_lines, plan_lines, progress_lines
from iamops.cli.lines import lines, say_lines, write_progress, write_stderr, write_stderr_lines
from iamops.cli.printing import CleanConsole, not_written
from iamops.judge.drill.account import DrillProgress
from iamops.judge.drill.report import ClientView, DrillReport, DrillRun, DrillVerdict, Measure, passed, trends
from iamops.judge.run import RunReport
from iamops.model.drill import Drill
from iamops.model.exit_code import ExitCode
from iamops.model.outage import not_measured
from iamops.model.profile import Profile
from iamops.model.safe_text import safe
from iamops.plan.action import ALLOWANCE_S
from iamops.plan.denial import refusal_code
from iamops.report.drill import drill_document, exit_code, junit, markdown
from iamops.report.text import json_text
from iamops.session.drills.runner import drill_action

# How far a drill has come, on a terminal: the step under way, a bar, and the time. Elsewhere plain lines.

Hear = Callable[[DrillProgress], None]


@contextlib.contextmanager
def progress_shown(drill: str) -> Iterator[Hear]:
    """Gives what hears of every news of a drill. The bar goes when the drill is over."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=CleanConsole(lines(sys.stderr), force_terminal=True), transient=True) as bar:
        yield _Bar(bar, drill)


class _Lines:
    """One line for each step that begins or ends: what a log wants."""

    def __init__(self) -> None:
        self._shown: RunReport | None = None

    def __call__(self, progress: DrillProgress) -> None:
        for line in progress_lines(self._shown, progress.run):
            write_progress(line)
        self._shown = progress.run


class _Bar:
    """One line that moves."""

    def __init__(self, bar: Progress, drill: str) -> None:
        self._bar, self._drill = bar, drill
        self._task = bar.add_task(drill, total=None)

    def __call__(self, progress: DrillProgress) -> None:
        run = progress.run
        under_way = next((step.step.title for step in run.steps if step.began and not step.over), str(run.phase))
        done = sum(step.over for step in run.steps)
        text = f"{self._drill}: {under_way}"
        self._bar.update(self._task, description=text, total=len(run.steps) or None, completed=done)


# Drills, their results and their history as lines of plain text. Pure.

WIDTH = 100
HELD = {True: "held", False: "BROKEN", None: "not known"}


def list_lines(drills: Sequence[Drill]) -> list[str]:
    """One line for each."""
    width = max((len(drill.name) for drill in drills), default=0)
    lines = (f"{d.name:<{width}}  {d.title}{' (takes a machine away)' if d.disruptive else ''}" for d in drills)
    return [safe(line) for line in lines]


def show_lines(drill: Drill, text: str) -> list[str]:
    """What it is for, then as it is written."""
    about = textwrap.wrap(drill.about, WIDTH)
    lines = (f"{drill.name}: {drill.title}", *about, "", *text.rstrip().splitlines())
    return [safe(line) for line in lines]


def result_lines(report: DrillReport) -> list[str]:
    """The result as a person reads it: the verdict first. What nodes and people wrote in it is harmless."""
    return [safe(line) for line in _result(report)]


def _result(report: DrillReport) -> list[str]:
    if report.verdict is DrillVerdict.REFUSED:
        return [f"refused: {denial.sentence}" for denial in report.denials]
    lines = [f"{report.ending}: drill {report.drill}: {report.sentence}"]
    lines += [f"  {failure.kind}: {failure.text}" for failure in report.failures]
    lines += _columns([_budget(measure) for measure in report.measures])
    lines += [f"  {HELD[each.holds]}: {each.name}: {each.text}" for each in report.invariants]
    lines += [f"  {domain}: {_shares(counts)}" for domain, counts in report.splits.items()]
    lines += [client_line(report.client)] if report.client is not None else []
    if report.restored_by is not None:
        lines.append(f"  restored by: {report.restored_by}")
    return [*lines, *(f"  note: {note}" for note in report.notes)]


def client_line(client: ClientView) -> str:
    """What a client lost, in one line."""
    if not client.attempts:
        return "  client: not measured"
    seen = f"{client.attempts} requests, none further apart than {client.resolution_ms:.0f} ms"
    if client.not_measured_ms:
        seen += f"; {not_measured(client.not_measured_ms)}"
    if not client.failed:
        return f"  client: no request failed ({seen})"
    kinds = (("refused", client.refused_ms), ("dark", client.no_answer_ms), ("wrong", client.wrong_ms))
    spent = [f"{word} {each:.0f} ms" for word, each in (*kinds, ("stale", client.stale_ms)) if each]
    in_all = f"; in all {', '.join(spent)}" if spent else ""
    return f"  client: {client.failed} failed, longest gap {client.longest_ms:.0f} ms{in_all} ({seen})"


def history_lines(runs: Sequence[DrillRun], name: str | None) -> list[str]:
    """Pass counts, then each measurement with median, worst, latest and trend."""
    return [safe(line) for line in _history(runs, name)]


def _history(runs: Sequence[DrillRun], name: str | None) -> list[str]:
    if not runs:
        return [f"no runs of {name} yet" if name else "no drills were run yet"]
    lines: list[str] = []
    for drill in dict.fromkeys(run.drill for run in runs):
        own = [run for run in runs if run.drill == drill]
        good, count = passed(runs, drill)
        lines.append(f"{drill}: {good} of {count} passed; last {own[-1].ending} at {own[-1].at}")
        rows: list[tuple[str, ...]] = [("measure", "runs", "median", "worst", "latest", "trend")]
        for t in trends(own):
            numbers = (f"{value:.0f} ms" for value in (t.median_ms, t.worst_ms, t.latest_ms))
            rows.append((t.measure, str(t.runs), *numbers, t.trend))
        lines += _columns(rows) if len(rows) > 1 else []
    return lines


def _budget(measure: Measure) -> tuple[str, ...]:
    measured = "never" if measure.measured_ms is None else f"{measure.measured_ms:.0f} ms"
    slack = "-" if measure.slack_ms is None else f"{measure.slack_ms:.0f} ms"
    word = "ok" if measure.holds else "OVER" if measure.measured_ms is not None else "MISSING"
    budget = f"{measure.lower_ms:.0f}..{measure.upper_ms:.0f} ms"
    if measure.lower_ms == measure.upper_ms:
        budget = f"{measure.upper_ms:.0f} ms"
    return (word, measure.step, measure.what, measured, f"of {budget}", f"slack {slack}", measure.path)


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [_row(row, widths) for row in rows]


def _row(row: Sequence[str], widths: Sequence[int]) -> str:
    return ("  " + "  ".join(_cells(row, widths))).rstrip()


def _cells(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    return (cell.ljust(width) for cell, width in zip(row, widths, strict=True))


def _shares(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} on {node}" for node, count in counts.items())


FORMATS: dict[str, Callable[[DrillReport], str]] = {
    "json": lambda report: json_text(drill_document(report, exit_code(report))) + "\n",
    "junit": junit,
    "markdown": markdown,
}
STDOUT = "-"


class DrillSession(GuardedSession):
    """One drill after the other, until one does not pass."""

    def __init__(self, profile: Profile, drills: Sequence[Drill], args: argparse.Namespace) -> None:
        super().__init__(profile, args)
        self._drills = drills

    async def act(self) -> int:
        for number, drill in enumerate(self._drills, start=1):
            code = await self._one(drill)
            left = [each.name for each in self._drills[number:]]
            if code == ExitCode.OK and self.stopping and left:
                write_stderr(f"iamops: interrupted; not begun: {', '.join(left)}")
                return ExitCode.INTERRUPTED
            if code != ExitCode.OK:
                return code
        return ExitCode.OK

    async def _one(self, drill: Drill) -> int:
        allowance_s = ALLOWANCE_S if self.args.allowance_ms is None else self.args.allowance_ms / 1000
        action = await drill_action(
            self.cluster,
            drill,
            instance=self.args.instance,
            allowance_s=allowance_s,
            disruptive=self.args.allow_disruptive,
        )
        order = self.order(action)
        plan, denied, away = await self.weighed(order)
        if self.args.dry_run:
            say_lines(dry_lines(plan, denied, away))
            return refusal_code(denied) if denied else ExitCode.OK
        if not self.args.yes and asks_first(denied):
            write_stderr_lines((*plan_lines(plan), *overridden_lines(away)))
            if not await self.agreed(plan):
                write_stderr("iamops: refused: not-confirmed: nothing was changed")
                return ExitCode.REFUSED
            order = self.order(action, shown=plan.fingerprint, named=True, insisted=away)
        with progress_shown(drill.name) as hear, self.under_way():
            report = await self.operator.run_drill(order, functools.partial(self._progress, hear))
        written = self._tell_result(report)
        return exit_code(report) or (ExitCode.OK if written else ExitCode.UNKNOWN)

    def _progress(self, hear: Hear, progress: DrillProgress) -> None:
        self.doing = "undoing" if progress.run.outcome is None else "judging"
        hear(progress)

    def _tell_result(self, report: DrillReport) -> bool:
        """stdout belongs to the result; where it was asked for as a document, a person reads on stderr.

        False if a report could not be written.
        """
        wanted = {name: getattr(self.args, name) for name in FORMATS if getattr(self.args, name)}
        beside = report.verdict is DrillVerdict.REFUSED or STDOUT in wanted.values()
        (write_stderr_lines if beside else say_lines)(result_lines(report))
        written = [_write(path, FORMATS[name](report)) for name, path in wanted.items()]
        return all(written)


def _write(path: str, text: str) -> bool:
    """A report that cannot be written is told, and its text is not lost."""
    if path == STDOUT:
        lines(sys.stdout).put(text)
        return True
    failure = not_written(path, text)
    if failure is not None:
        write_stderr(f"iamops: {failure}; the report follows")
        lines(sys.stderr).put(text)
    return failure is None
