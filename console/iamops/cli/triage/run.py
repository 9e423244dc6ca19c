"""Carries out `iamops triage`: inspects, prints it in the forms that were asked for, and writes the bundle."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from iamops.cli.output import SEVERITY_COLOURS, CliError, Coloured, not_written, print_lines, wrapped
from iamops.cli.triage.command import FORMS, STDOUT
from iamops.judge.findings import Finding
from iamops.judge.triage.summary import TriageResult, closing, name_of, not_evaluated_groups
from iamops.model.exit_code import ExitCode
from iamops.model.facts import Severity
from iamops.model.profile import Profile
from iamops.model.safe_text import safe
from iamops.report.text import json_text
from iamops.report.triage import exit_code, junit, markdown, triage_document
from iamops.session.triage.triage import Examination, examine

# Loaded while the nodes answer, piece by piece.
PRINTING = ("iamops.report.triage", "iamops.cli.triage.run")
WIDTH_MIN, WIDTH_MAX = 60, 100
LABEL = 11


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
    written = _write_forms(result, args, floor)
    if args.bundle is not None:
        written &= await _bundle(result, Path(args.bundle))
    return exit_code(result, floor) if written else ExitCode.USAGE


def _write_forms(result: TriageResult, args: argparse.Namespace, floor: Severity | None) -> bool:
    """False if a file could not be written; everything else is printed all the same."""
    forms = {
        "json": lambda: json_text(triage_document(result, args.since)) + "\n",
        "junit": lambda: junit(result, floor),
        "markdown": lambda: markdown(result),
    }
    wanted = {form: getattr(args, form) for form in FORMS if getattr(args, form) is not None}
    if STDOUT not in wanted.values():
        width = shutil.get_terminal_size((WIDTH_MAX, 24)).columns
        print_lines(triage_lines(result, width=width, since_s=args.since))
    all_written = True
    for form, path in wanted.items():
        text = forms[form]()
        if path == STDOUT:
            print(text, end="")
        elif (failure := not_written(path, text)) is not None:
            all_written = False
            # Its text is not lost.
            print(f"iamops: {failure}; what should stand there follows", file=sys.stderr)
            sys.stderr.write(text)
    return all_written


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


def triage_lines(result: TriageResult, *, width: int, since_s: float | None = None) -> Iterator[str]:
    """Worst first, then what is not known. `width` is kept between WIDTH_MIN and WIDTH_MAX."""
    width = max(WIDTH_MIN, min(width, WIDTH_MAX))
    for finding in result.diagnosis.findings:
        yield from _finding(finding, width)
        yield ""
    groups = not_evaluated_groups(result.diagnosis.not_evaluated, result.not_inspected)
    if groups:
        yield "cannot tell"
        for group in groups:
            where = f"{group.node}: " if group.node else ""
            yield from wrapped(f"{where}{safe(group.because)}", width, "  ", "    ")
            if group.members:
                yield from wrapped(group.questions, width, "      ", "      ")
        yield ""
    if since_s is not None:
        yield from _timeline(result, since_s, width)
        yield ""
    yield from wrapped(closing(result), width)


def _finding(finding: Finding, width: int) -> Iterator[str]:
    word = str(finding.severity).upper()
    first, *rest = wrapped(f"{word} {name_of(finding.code)}: {safe(finding.title)}", width, "", "    ")
    yield Coloured(first, SEVERITY_COLOURS[finding.severity], len(word))
    yield from rest
    yield from _labelled("because", (safe(str(evidence)) for evidence in finding.evidence), width)
    yield from _labelled("cause", (safe(finding.cause),) if finding.cause else (), width)
    yield from _labelled("means", (safe(finding.means),) if finding.means else (), width)
    yield from _labelled("explains", _explained(finding), width, cut=True)
    yield from _labelled("next", (safe(finding.next),), width)


def _explained(finding: Finding, indent: str = "") -> Iterator[str]:
    """Everything that follows from it, each under what explains it."""
    for symptom in finding.explains:
        yield f"{indent}{symptom.severity} {name_of(symptom.code)}: {safe(symptom.title)}"
        yield from _explained(symptom, f"{indent}  ")


def _labelled(label: str, texts: Iterable[str], width: int, *, cut: bool = False) -> Iterator[str]:
    """The label stands before the first text; `cut`: one line each, however long."""
    head, room = f"  {label}".ljust(LABEL), width - LABEL
    for text in texts:
        if cut:
            yield head + (text if len(text) <= room else f"{text[: room - 1]}…")
        else:
            yield from wrapped(text, width, head, " " * LABEL)
        head = " " * LABEL


def _timeline(result: TriageResult, since_s: float, width: int) -> Iterator[str]:
    began = _local(result.at - since_s)
    yield f"what happened since {began:%Y-%m-%d %H:%M:%S %Z}".rstrip()
    for event in result.timeline:
        at = _local(event.at)
        day = "" if at.date() == began.date() else f"{at:%m-%d} "
        stamp = f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"
        head = f"  {day}{stamp}  {event.node or '-':<8} {event.kind:<7} "
        yield from wrapped(f"{safe(event.text)} ({event.source})", width, head, " " * 16)
    if not result.timeline:
        yield "  nothing that anybody told of" if result.unavailable else "  nothing"
    for reason in result.unavailable:
        yield from wrapped(f"not told: {safe(reason)}", width, "  ", "    ")


def _local(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone()
