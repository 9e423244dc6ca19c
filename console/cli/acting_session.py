"""One action from a shell: plan, ask, run, tell."""

from __future__ import annotations

import argparse
from typing import Any

from console.cli.acting_text import overridden_lines, plan_lines, progress_lines, result_lines
from console.cli.guarded_session import GuardedSession, asks_first
from console.cli.lines import say, say_lines, tell, tell_lines, tell_progress
from console.engine.exit_code import exit_code
from console.engine.report import Outcome, RunReport, denial_document, run_document
from console.judge.denial import Denial, refusal_code
from console.judge.json_text import json_text
from console.model.exit_code import ExitCode
from console.model.profile import Profile
from console.plan.action import Action
from console.plan.steps import Plan, document


class ActingSession(GuardedSession):
    """From the command line to the exit code."""

    def __init__(self, profile: Profile, action: Action | None, args: argparse.Namespace) -> None:
        super().__init__(profile, args)
        self._action = action
        self.shown: RunReport | None = None

    async def action(self) -> Action:
        """What to do; subclasses may have to look at the nodes first."""
        assert self._action is not None  # noqa: S101 - given, or this is overridden
        return self._action

    async def act(self) -> int:
        action = await self.action()
        order = self.order(action)
        plan, denied, away = await self.weighed(order)
        if self.args.dry_run:
            return self._dry(plan, denied, away)
        if not self.args.yes and asks_first(denied):
            tell_lines((*plan_lines(plan), *overridden_lines(away)))
            if not await self.agreed(plan):
                tell("iamops: refused: not-confirmed: nothing was changed")
                return ExitCode.REFUSED
            order = self.order(action, shown=plan.fingerprint, named=True, insisted=away)
        with self.under_way():
            report = await self.operator.run(order, self.progress)
        code = exit_code(report)
        if report.outcome is Outcome.REFUSED:
            tell_lines(f"iamops: {line}" for line in result_lines(report))
        elif not self.args.json:
            say_lines(result_lines(report))
        if self.args.json:
            say(json_text(run_document(report, self.profile.name, code)))
        return code

    def _dry(self, plan: Plan, denied: tuple[Denial, ...], away: tuple[Denial, ...]) -> int:
        if self.args.json:
            refused: dict[str, Any] = {"denials": [denial_document(denial) for denial in denied]}
            say(json_text({**document(plan), **refused}))
        else:
            say_lines(dry_lines(plan, denied, away))
        return refusal_code(denied) if denied else ExitCode.OK

    def progress(self, report: RunReport) -> None:
        for line in progress_lines(self.shown, report):
            tell_progress(line)
        self.shown = report


def dry_lines(plan: Plan, denied: tuple[Denial, ...], away: tuple[Denial, ...] = ()) -> list[str]:
    """A plan that is only shown, and what would stand in its way."""
    refused = [f"would be refused: {denial.sentence}" for denial in denied]
    return [*plan_lines(plan), *overridden_lines(away), *(refused or ["nothing was changed"])]
