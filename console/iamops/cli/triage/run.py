"""Carries out `iamops triage`: inspects, has it printed in the forms asked for, and writes the bundle."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

from iamops.cli.output import CliError
from iamops.model.exit_code import ExitCode
from iamops.model.facts import Severity
from iamops.model.profile import Profile
from iamops.session.triage.triage import Examination, examine

# Loaded while the nodes answer, piece by piece.
PRINTING = ("iamops.judge.triage.summary", "iamops.report.triage", "iamops.cli.triage.forms")


def triage(profile: Profile, args: argparse.Namespace) -> int:
    if args.bundle is not None:
        from iamops.session.bundle.archive import BundleRefused, check_path

        try:
            check_path(Path(args.bundle))
        except BundleRefused as refusal:
            raise CliError(str(refusal)) from None
    return asyncio.run(_triage(profile, args))


async def _triage(profile: Profile, args: argparse.Namespace) -> int:
    floor = None if args.fail_on == "never" else Severity(args.fail_on)
    result = await examine(
        profile, timeout_s=args.timeout, since_s=args.since, spent_s=time.monotonic() - args.began, also=PRINTING
    )
    from iamops.cli.triage.forms import write_forms
    from iamops.report.triage import exit_code

    written = write_forms(result, args, floor)
    if args.bundle is not None:
        written &= await _bundle(result, Path(args.bundle))
    return exit_code(result, floor) if written else ExitCode.USAGE


async def _bundle(result: Examination, path: Path) -> bool:
    from iamops.report.status import status_document
    from iamops.session.bundle.archive import BundleRefused
    from iamops.session.bundle.bundle import write_bundle

    status = status_document(result.state, result.diagnosis.findings, result.at)
    try:
        report = await write_bundle(result, path, now=time.time(), status=status)
    except BundleRefused as refusal:
        print(f"iamops: {refusal}", file=sys.stderr)
        return False
    size = f"{report.files} files, {report.bytes} bytes, {sum(report.redactions.values())} secrets redacted"
    print(f"iamops: {report.path}: {size}", file=sys.stderr)
    for what, why in report.uncollected.items():
        print(f"iamops: not in the bundle: {what}: {why}", file=sys.stderr)
    return True
