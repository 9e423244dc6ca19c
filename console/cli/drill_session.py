"""Drills from a shell: plan, ask, run, tell, and the report in the files that were asked for."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable, Sequence

from console.cli.acting_session import dry_lines
from console.cli.acting_text import overridden_lines, plan_lines
from console.cli.documents import not_written
from console.cli.drill_bar import Hear, told
from console.cli.drill_text import result_lines
from console.cli.guarded_session import GuardedSession, asks_first
from console.cli.lines import lines, say_lines, tell, tell_lines
from console.engine.drill_progress import DrillProgress
from console.judge.denial import refusal_code
from console.judge.drill_document import drill_document, exit_code
from console.judge.drill_junit import junit
from console.judge.drill_markdown import markdown
from console.judge.drill_report import DrillReport, Verdict
from console.judge.json_text import json_text
from console.model.drill import Drill
from console.model.exit_code import ExitCode
from console.model.profile import Profile
from console.plan.action import ALLOWANCE_S

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
                tell(f"iamops: interrupted; not begun: {', '.join(left)}")
                return ExitCode.INTERRUPTED
            if code != ExitCode.OK:
                return code
        return ExitCode.OK

    async def _one(self, drill: Drill) -> int:
        allowance_s = ALLOWANCE_S if self.args.allowance_ms is None else self.args.allowance_ms / 1000
        action = await self.operator.drill_action(
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
            tell_lines((*plan_lines(plan), *overridden_lines(away)))
            if not await self.agreed(plan):
                tell("iamops: refused: not-confirmed: nothing was changed")
                return ExitCode.REFUSED
            order = self.order(action, shown=plan.fingerprint, named=True, insisted=away)
        with told(drill.name) as hear, self.under_way():
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
        beside = report.verdict is Verdict.REFUSED or STDOUT in wanted.values()
        (tell_lines if beside else say_lines)(result_lines(report))
        written = [_write(path, FORMATS[name](report)) for name, path in wanted.items()]
        return all(written)


def _write(path: str, text: str) -> bool:
    """A report that cannot be written is told, and its text is not lost."""
    if path == STDOUT:
        lines(sys.stdout).put(text)
        return True
    failure = not_written(path, text)
    if failure is not None:
        tell(f"iamops: {failure}; the report follows")
        lines(sys.stderr).put(text)
    return failure is None
