"""Carries out `iamops triage`: looks, has it printed, writes the bundle, and says how it ended."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

from console.judge.triage_report import Looked, unreachable
from console.model.exit_code import ExitCode
from console.model.facts import Severity
from console.model.profile import Profile
from console.session.triage import Examined, examine

NEVER = "never"
# Loaded while the nodes answer, piece by piece.
PRINTING = ("console.judge.drill_report", "console.judge.triage_document", "console.cli.triage_forms")


class TriageSession:
    """One look and what comes of it."""

    def __init__(self, profile: Profile, args: argparse.Namespace) -> None:
        self._profile = profile
        self._args = args
        self._floor = None if args.fail_on == NEVER else Severity(args.fail_on)

    def run(self) -> int:
        """Returns the exit code."""
        if self._args.bundle is not None and (refusal := _bundle_refusal(Path(self._args.bundle))):
            print(f"iamops: {refusal}", file=sys.stderr)
            return ExitCode.USAGE
        return asyncio.run(self._looked())

    async def _looked(self) -> int:
        looked = await examine(
            self._profile,
            timeout_s=self._args.timeout,
            since_s=self._args.since,
            spent_s=time.monotonic() - self._args.began,
            also=PRINTING,
        )
        from console.cli.triage_forms import tell

        written = tell(looked, self._args, self._floor)
        if self._args.bundle is not None:
            written &= await _bundle(looked, Path(self._args.bundle))
        return exit_code(looked, self._floor) if written else ExitCode.USAGE


def exit_code(looked: Looked, floor: Severity | None) -> ExitCode:
    """Not reaching anybody is told before what was found without them."""
    if unreachable(looked):
        return ExitCode.UNREACHABLE
    return ExitCode.NOT_SO if floor is not None and looked.diagnosis.at_least(floor) else ExitCode.OK


def _bundle_refusal(path: Path) -> str:
    """Why no bundle can be written there; empty if one can."""
    from console.session.bundle import BundleRefused, check_path

    try:
        check_path(path)
    except BundleRefused as refusal:
        return str(refusal)
    return ""


async def _bundle(looked: Examined, path: Path) -> bool:
    from console.cli.status_document import status_document
    from console.session.bundle import BundleRefused, write_bundle

    status = status_document(looked.state, looked.diagnosis.findings, looked.at)
    try:
        report = await write_bundle(looked, path, now=time.time(), status=status)
    except BundleRefused as refusal:
        print(f"iamops: {refusal}", file=sys.stderr)
        return False
    hidden = sum(report.redactions.values())
    told = f"{report.path}: {report.files} files, {report.bytes} bytes, {hidden} secrets redacted"
    print(f"iamops: {told}", file=sys.stderr)
    for what, why in report.uncollected.items():
        print(f"iamops: not in the bundle: {what}: {why}", file=sys.stderr)
    return True
