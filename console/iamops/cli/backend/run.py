"""A backend's edit from a shell: the profile's new text, its difference on the nodes, the push."""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path

from iamops.cli.acting import ActingSession
from iamops.cli.config.run import diff_text
from iamops.cli.lines import write_stderr, write_stderr_lines
from iamops.judge.run import Outcome, RunReport
from iamops.parse.profile.edit import BackendEdit, edit_backends
from iamops.plan.action import ConfigPush
from iamops.plan.config.change import Side
from iamops.session.profiles import ProfileFile


class BackendSession(ActingSession):
    """The cluster is observed as the new profile describes it. Raises EditRefused, ProfileError."""

    def __init__(self, before: ProfileFile, args: argparse.Namespace) -> None:
        self._edit = BackendEdit(args.verb)
        text = edit_backends(before.text, before.profile, self._edit, args.service, args.backend)
        self._before, self._after = before, before.with_text(text)
        super().__init__(self._after.profile, None, args)

    def profile_file(self) -> Path | None:
        """A dry run leaves the file as it was."""
        return None if self.args.dry_run else self._after.path

    async def action(self) -> ConfigPush:
        args, configurator = self.args, self.operator.configurator
        asked = ("backend", args.verb, args.service, args.backend)
        service = self.profile.services[args.service]
        drains = configurator.drains(service, args.backend) if self._edit is BackendEdit.DRAIN else ()
        push = await configurator.push(reason=args.reason, asked=asked, drains=drains)
        if not args.json:
            old, new = self._before.text.splitlines(), self._after.text.splitlines()
            name = str(self._before.path)
            write_stderr_lines(difflib.unified_diff(old, new, name, name, lineterm="", n=1))
            write_stderr_lines(diff_text(push.changes))
        return push

    async def act(self) -> int:
        """The profile is the source: it is written first, and put back where the nodes have the old files."""
        if self.args.dry_run:
            return await super().act()
        self._after.write()
        try:
            return await super().act()
        finally:
            path = self._after.path
            if nodes_as_before(self.shown) and self._after.is_on_disk():
                self._before.write()
                write_stderr(f"iamops: {path} is as it was before")
            elif nodes_as_before(self.shown):
                write_stderr(f"iamops: {path} was changed by someone else meanwhile, and is left as it is")
            elif self.shown is not None and self.shown.outcome is not Outcome.SUCCEEDED:
                sides = ", ".join(f"{node}: {side} files" for node, side in self.shown.files.items())
                where = sides or "what the nodes have is not known"
                write_stderr(f"iamops: {path} stays as edited: {where}; see `iamops config diff`")


def nodes_as_before(report: RunReport | None) -> bool:
    """Whether no node can have what a push was to bring. Only then may the profile go back too."""
    if report is None or report.outcome is Outcome.REFUSED:
        return True
    return report.outcome is Outcome.FAILED and all(side == Side.OLD for side in report.files.values())
