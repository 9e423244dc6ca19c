"""Carries out `iamops triage`: looks, has it printed, writes the bundle, and says how it ended."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from iamops.cli.config.run import COLOURS
from iamops.cli.output import Coloured, print_lines
from iamops.cli.printing import not_written
from iamops.cli.triage.command import FORMS, STDOUT
from iamops.judge.findings import Finding
from iamops.judge.triage.summary import Darkness, TriageResult, closing, darkness, name_of, unreachable
from iamops.model.exit_code import ExitCode
from iamops.model.facts import Severity
from iamops.model.journal import TimelineEvent
from iamops.model.profile import Profile
from iamops.model.safe_text import safe
from iamops.report.text import json_text
from iamops.report.triage import junit, markdown, triage_document
from iamops.session.triage.triage import Examined, examine

NEVER = "never"
# Loaded while the nodes answer, piece by piece.
PRINTING = ("iamops.judge.drill.report", "iamops.report.triage", "iamops.cli.triage.run")


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

        written = write_report(looked, self._args, self._floor)
        if self._args.bundle is not None:
            written &= await _bundle(looked, Path(self._args.bundle))
        return exit_code(looked, self._floor) if written else ExitCode.USAGE


def exit_code(looked: TriageResult, floor: Severity | None) -> ExitCode:
    """Not reaching anybody is told before what was found without them."""
    if unreachable(looked):
        return ExitCode.UNREACHABLE
    return ExitCode.CHECK_FAILED if floor is not None and looked.diagnosis.at_least(floor) else ExitCode.OK


def _bundle_refusal(path: Path) -> str:
    """Why no bundle can be written there; empty if one can."""
    from iamops.session.bundle.archive import BundleRefused, check_path

    try:
        check_path(path)
    except BundleRefused as refusal:
        return str(refusal)
    return ""


async def _bundle(looked: Examined, path: Path) -> bool:
    from iamops.report.status import status_document
    from iamops.session.bundle.archive import BundleRefused
    from iamops.session.bundle.bundle import write_bundle

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


# A triage as text for a terminal: worst first, then what cannot be told.

WIDTH_MIN, WIDTH_MAX = 60, 100
LABEL = 11


def triage_lines(looked: TriageResult, *, width: int, since_s: float | None = None) -> Iterator[str]:
    """The whole look. No line is longer than `width`, which is kept between WIDTH_MIN and WIDTH_MAX."""
    width = max(WIDTH_MIN, min(width, WIDTH_MAX))
    for finding in looked.diagnosis.findings:
        yield from _finding(finding, width)
        yield ""
    dark = darkness(looked.diagnosis.blind, looked.not_inspected)
    if dark:
        yield "cannot tell"
        for each in dark:
            yield from _dark(each, width)
        yield ""
    if since_s is not None:
        yield from _timeline(looked, since_s, width)
        yield ""
    yield from _wrapped(closing(looked), width)


def _finding(finding: Finding, width: int) -> Iterator[str]:
    word = str(finding.severity).upper()
    first, *rest = _wrapped(f"{word} {name_of(finding.code)}: {safe(finding.title)}", width, "", "    ")
    yield Coloured(first, COLOURS[finding.severity], len(word))
    yield from rest
    yield from _labelled("because", (safe(str(each)) for each in finding.evidence), width)
    yield from _labelled("cause", (safe(finding.cause),) if finding.cause else (), width)
    yield from _labelled("means", (safe(finding.means),) if finding.means else (), width)
    yield from _labelled("explains", _explained(finding), width, cut=True)
    yield from _labelled("next", (safe(finding.next),), width)


def _explained(finding: Finding, indent: str = "") -> Iterator[str]:
    """Everything that follows from it, each under what explains it."""
    for each in finding.explains:
        yield f"{indent}{each.severity} {name_of(each.code)}: {safe(each.title)}"
        yield from _explained(each, f"{indent}  ")


def _labelled(label: str, texts: Iterable[str], width: int, *, cut: bool = False) -> Iterator[str]:
    """The label stands before the first text; `cut`: one line each, however long."""
    head = f"  {label}".ljust(LABEL)
    for text in texts:
        if cut:
            room = width - LABEL
            yield head + (text if len(text) <= room else f"{text[: room - 1]}…")
        else:
            yield from _wrapped(text, width, head, " " * LABEL)
        head = " " * LABEL


def _dark(dark: Darkness, width: int) -> Iterator[str]:
    """The reason once, then what it hides."""
    where = f"{dark.node}: " if dark.node else ""
    yield from _wrapped(f"{where}{safe(dark.because)}", width, "  ", "    ")
    if dark.blinds:
        yield from _wrapped(dark.questions, width, "      ", "      ")


def _timeline(looked: TriageResult, since_s: float, width: int) -> Iterator[str]:
    began = _local(looked.at - since_s)
    yield f"what happened since {began:%Y-%m-%d %H:%M:%S %Z}".rstrip()
    for each in looked.timeline:
        yield from _happening(each, began, width)
    if not looked.timeline:
        yield "  nothing that anybody told of" if looked.unavailable else "  nothing"
    for text in looked.unavailable:
        yield from _wrapped(f"not told: {safe(text)}", width, "  ", "    ")


def _happening(each: TimelineEvent, began: datetime, width: int) -> Iterator[str]:
    at = _local(each.at)
    stamp = f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"
    day = "" if at.date() == began.date() else f"{at:%m-%d} "
    head = f"  {day}{stamp}  {each.node or '-':<8} {each.kind:<7} "
    yield from _wrapped(f"{safe(each.text)} ({each.source})", width, head, " " * 16)


def _local(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone()


def _wrapped(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """Commands stay whole: nothing is broken at a hyphen."""
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False) or [
        first.rstrip()
    ]


# Prints a finished triage in the forms that were asked for, to files or to stdout.


def write_report(looked: TriageResult, args: argparse.Namespace, floor: Severity | None) -> bool:
    """False if a file could not be written; everything else is printed all the same."""
    wanted = {form: getattr(args, form) for form in FORMS if getattr(args, form) is not None}
    if STDOUT not in wanted.values():
        width = shutil.get_terminal_size((WIDTH_MAX, 24)).columns
        print_lines(triage_lines(looked, width=width, since_s=args.since))
    made = _makers(looked, args.since, floor)
    written = [_write(path, made[form]()) for form, path in wanted.items()]
    return all(written)


def _makers(
    looked: TriageResult, since_s: float | None, floor: Severity | None
) -> Mapping[str, Callable[[], str]]:
    return {
        "json": lambda: json_text(triage_document(looked, since_s)) + "\n",
        "junit": lambda: junit(looked, floor),
        "markdown": lambda: markdown(looked),
    }


def _write(path: str, text: str) -> bool:
    """A document that cannot be written is told, and its text is not lost."""
    if path == STDOUT:
        print(text, end="")
        return True
    failure = not_written(path, text)
    if failure is not None:
        print(f"iamops: {failure}; what should stand there follows", file=sys.stderr)
        sys.stderr.write(text)
    return failure is None
