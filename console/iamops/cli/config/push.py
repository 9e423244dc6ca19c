"""A push from a shell: look, plan, ask, run; and with --confirm-timeout ask once more when it is in place."""

from __future__ import annotations

import argparse
import asyncio
import sys

from iamops.cli.acting import ActingSession, typed_line
from iamops.cli.lines import write_stderr
from iamops.judge.run import RunReport, Stage
from iamops.model.profile import Profile
from iamops.plan.action import ConfigPush, DrainedRestart
from iamops.plan.steps import StepKind
from iamops.session.config.configurator import Configurator


class PushSession(ActingSession):
    """`args` holds what was asked: verb push or rollback."""

    def __init__(self, profile: Profile, args: argparse.Namespace) -> None:
        super().__init__(profile, None, args)
        self.configurator = Configurator(profile, self.cluster.transport, self.cluster.why_not_connected)
        self._answer: asyncio.Task[None] | None = None

    async def action(self) -> ConfigPush:
        reason, confirm_s = self.args.reason, self.args.confirm_timeout
        if self.args.verb == "rollback":
            return await self.configurator.rollback(self.args.push, reason=reason, confirm_s=confirm_s)
        return await self.configurator.push(reason=reason, confirm_s=confirm_s)

    def progress(self, report: RunReport) -> None:
        super().progress(report)
        waiting = any(s.step.kind is StepKind.CONFIRM and s.stage is Stage.RUNNING for s in report.steps)
        if waiting and self._answer is None:
            limit_s = self.args.confirm_timeout
            write_stderr(f"the new files are in place: type yes within {limit_s} s to keep them, no to go back")
            # Beside the run, which goes back when nobody answers in time.
            self._answer = asyncio.create_task(self._read_answer())

    async def _read_answer(self) -> None:
        word = (await typed_line(sys.stdin)).strip()
        self.cluster.commands.confirm(kept=word == "yes")


class DrainedRestartSession(ActingSession):
    def __init__(self, profile: Profile, unit: str, args: argparse.Namespace) -> None:
        super().__init__(profile, None, args)
        self._unit = unit

    async def action(self) -> DrainedRestart:
        configurator = Configurator(self.profile, self.cluster.transport, self.cluster.why_not_connected)
        return await configurator.drained_restart(self._unit, reason=self.args.reason)
