"""How far a drill has come, on a terminal: the step under way, a bar, and the time. Elsewhere plain lines."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from console.cli.acting_text import progress_lines
from console.cli.clean_console import CleanConsole
from console.cli.lines import lines, tell_progress
from console.engine.drill_progress import DrillProgress
from console.engine.report import RunReport

Hear = Callable[[DrillProgress], None]


@contextlib.contextmanager
def told(drill: str) -> Iterator[Hear]:
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
            tell_progress(line)
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
