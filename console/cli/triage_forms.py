"""Prints a finished triage in the forms that were asked for, to files or to stdout."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Mapping

from console.cli.coloured import print_lines
from console.cli.documents import not_written
from console.cli.triage import FORMS, STDOUT
from console.cli.triage_text import WIDTH_MAX, triage_lines
from console.judge.json_text import json_text
from console.judge.triage_document import triage_document
from console.judge.triage_junit import junit
from console.judge.triage_markdown import markdown
from console.judge.triage_report import Looked
from console.model.facts import Severity


def tell(looked: Looked, args: argparse.Namespace, floor: Severity | None) -> bool:
    """False if a file could not be written; everything else is printed all the same."""
    wanted = {form: getattr(args, form) for form in FORMS if getattr(args, form) is not None}
    if STDOUT not in wanted.values():
        width = shutil.get_terminal_size((WIDTH_MAX, 24)).columns
        print_lines(triage_lines(looked, width=width, since_s=args.since))
    made = _makers(looked, args.since, floor)
    written = [_write(path, made[form]()) for form, path in wanted.items()]
    return all(written)


def _makers(looked: Looked, since_s: float | None, floor: Severity | None) -> Mapping[str, Callable[[], str]]:
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
