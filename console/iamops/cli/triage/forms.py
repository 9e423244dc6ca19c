"""A triage in the forms that were asked for: as lines, worst first, or as JSON, JUnit and Markdown."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from iamops.cli.output import SEVERITY_COLOURS, Coloured, not_written, print_lines, wrapped
from iamops.cli.triage.command import FORMS, STDOUT
from iamops.judge.findings import Finding
from iamops.judge.triage.summary import TriageResult, closing, name_of, not_evaluated_groups
from iamops.model.facts import Severity
from iamops.model.text import safe
from iamops.report.text import json_text
from iamops.report.triage import junit, markdown, triage_document

WIDTH_MIN, WIDTH_MAX = 60, 100
LABEL = 11


def write_forms(result: TriageResult, args: argparse.Namespace, floor: Severity | None) -> bool:
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
