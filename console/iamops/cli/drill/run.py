"""Drills from a shell: plan, ask, run, tell, and the report in the files that were asked for."""

from __future__ import annotations

import argparse
import contextlib
import functools
import sys
from collections.abc import Callable, Iterator, Sequence

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from iamops.cli.acting import GuardedSession, progress_lines
from iamops.cli.lines import lines, write_progress, write_stderr, write_stderr_lines, write_stdout_lines
from iamops.cli.output import columns, not_written
from iamops.cli.printing import CleanConsole
from iamops.judge.drill.report import ClientView, DrillProgress, DrillReport, DrillVerdict, Measure
from iamops.judge.run import RunReport
from iamops.model.drill import Drill
from iamops.model.exit_code import ExitCode
from iamops.model.outage import not_measured
from iamops.model.profile import Profile
from iamops.model.text import safe
from iamops.plan.action import ALLOWANCE_S
from iamops.report.drill import drill_document, junit, markdown
from iamops.report.text import json_text

OnProgress = Callable[[DrillProgress], None]
HELD = {True: "held", False: "BROKEN", None: "not known"}
STDOUT = "-"
FORMATS: dict[str, Callable[[DrillReport], str]] = {
    "json": lambda report: json_text(drill_document(report)) + "\n",
    "junit": junit,
    "markdown": markdown,
}


class DrillSession(GuardedSession):
    """One drill after the other, until one does not pass."""

    def __init__(self, profile: Profile, drills: Sequence[Drill], args: argparse.Namespace) -> None:
        super().__init__(profile, args)
        self._drills = drills

    async def act(self) -> int:
        for number, drill in enumerate(self._drills, start=1):
            code = await self._one(drill)
            left = [drill.name for drill in self._drills[number:]]
            if code == ExitCode.OK and self.stopping and left:
                write_stderr(f"iamops: interrupted; not begun: {', '.join(left)}")
                return ExitCode.INTERRUPTED
            if code != ExitCode.OK:
                return code
        return ExitCode.OK

    async def _one(self, drill: Drill) -> int:
        allowance_s = ALLOWANCE_S if self.args.allowance_ms is None else self.args.allowance_ms / 1000
        action = await self.operator.drills.action(
            drill,
            instance=self.args.instance,
            allowance_s=allowance_s,
            disruptive=self.args.allow_disruptive,
        )
        order = await self.approved(action, json_plan=False)
        if isinstance(order, ExitCode):
            return order
        with progress_shown(drill.name) as on_progress, self.under_way():
            report = await self.operator.drills.run(order, functools.partial(self._progress, on_progress))
        # stdout belongs to the result; where it was asked for as a document, a person reads on stderr.
        wanted = {name: getattr(self.args, name) for name in FORMATS if getattr(self.args, name)}
        beside = report.verdict is DrillVerdict.REFUSED or STDOUT in wanted.values()
        (write_stderr_lines if beside else write_stdout_lines)(result_lines(report))
        written = [_write(path, FORMATS[name](report)) for name, path in wanted.items()]
        return report.exit_code or (ExitCode.OK if all(written) else ExitCode.UNKNOWN)

    def _progress(self, on_progress: OnProgress, progress: DrillProgress) -> None:
        self.doing = "undoing" if progress.run.outcome is None else "judging"
        on_progress(progress)


def _write(path: str, text: str) -> bool:
    """The text of a report that cannot be written is not lost: it goes to stderr."""
    if path == STDOUT:
        lines(sys.stdout).put(text)
        return True
    failure = not_written(path, text)
    if failure is not None:
        write_stderr(f"iamops: {failure}; the report follows")
        lines(sys.stderr).put(text)
    return failure is None


@contextlib.contextmanager
def progress_shown(drill: str) -> Iterator[OnProgress]:
    """How far a drill has come: on a terminal the step under way, a bar and the time; elsewhere plain lines."""
    if not sys.stderr.isatty():
        shown: RunReport | None = None

        def print_progress(progress: DrillProgress) -> None:
            nonlocal shown
            for line in progress_lines(shown, progress.run):
                write_progress(line)
            shown = progress.run

        yield print_progress
        return
    parts = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*parts, console=CleanConsole(lines(sys.stderr), force_terminal=True), transient=True) as bar:
        task = bar.add_task(drill, total=None)

        def move_bar(progress: DrillProgress) -> None:
            run = progress.run
            step = next((step.step.title for step in run.steps if step.began and not step.over), str(run.phase))
            done = sum(step.over for step in run.steps)
            bar.update(task, description=f"{drill}: {step}", total=len(run.steps) or None, completed=done)

        yield move_bar


def result_lines(report: DrillReport) -> list[str]:
    """The result as a person reads it: the verdict first. What nodes and people wrote in it is harmless."""
    if report.verdict is DrillVerdict.REFUSED:
        return [safe(f"refused: {denial.sentence}") for denial in report.denials]
    lines = [f"{report.ending}: drill {report.drill}: {report.sentence}"]
    lines += [f"  {failure.kind}: {failure.text}" for failure in report.failures]
    lines += [f"  {line}" for line in columns(map(_budget, report.measures))]
    lines += [f"  {HELD[i.holds]}: {i.name}: {i.text}" for i in report.invariants]
    for domain, counts in report.splits.items():
        lines.append(f"  {domain}: {', '.join(f'{count} on {node}' for node, count in counts.items())}")
    lines += [client_line(report.client)] if report.client is not None else []
    if report.restored_by is not None:
        lines.append(f"  restored by: {report.restored_by}")
    lines += [f"  note: {note}" for note in report.notes]
    return [safe(line) for line in lines]


def _budget(measure: Measure) -> tuple[str, ...]:
    measured = "never" if measure.measured_ms is None else f"{measure.measured_ms:.0f} ms"
    slack = "-" if measure.slack_ms is None else f"{measure.slack_ms:.0f} ms"
    word = "ok" if measure.holds else "OVER" if measure.measured_ms is not None else "MISSING"
    budget = f"{measure.lower_ms:.0f}..{measure.upper_ms:.0f} ms"
    if measure.lower_ms == measure.upper_ms:
        budget = f"{measure.upper_ms:.0f} ms"
    return (word, measure.step, measure.what, measured, f"of {budget}", f"slack {slack}", measure.path)


def client_line(client: ClientView) -> str:
    if not client.attempts:
        return "  client: not measured"
    seen = f"{client.attempts} requests, none further apart than {client.resolution_ms:.0f} ms"
    if client.not_measured_ms:
        seen += f"; {not_measured(client.not_measured_ms)}"
    if not client.failed:
        return f"  client: no request failed ({seen})"
    kinds = (("refused", client.refused_ms), ("dark", client.no_answer_ms), ("wrong", client.wrong_ms))
    spent = [f"{word} {ms:.0f} ms" for word, ms in (*kinds, ("stale", client.stale_ms)) if ms]
    in_all = f"; in all {', '.join(spent)}" if spent else ""
    return f"  client: {client.failed} failed, longest gap {client.longest_ms:.0f} ms{in_all} ({seen})"
