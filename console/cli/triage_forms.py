"""Prints a finished triage in the forms that were asked for, to files or to stdout."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from console.cli.triage import FORMS, STDOUT
from console.cli.triage_text import WIDTH_MAX, triage_lines
from console.judge.triage_document import triage_document
from console.judge.triage_junit import junit
from console.judge.triage_markdown import markdown
from console.judge.triage_report import Looked
from console.model.facts import Severity
from console.session.private_file import write_private


def tell(looked: Looked, args: argparse.Namespace, floor: Severity | None) -> bool:
    """False if a file could not be written; everything else is printed all the same."""
    wanted = {form: getattr(args, form) for form in FORMS if getattr(args, form) is not None}
    if STDOUT not in wanted.values():
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        width = shutil.get_terminal_size((WIDTH_MAX, 24)).columns
        print("\n".join(triage_lines(looked, width=width, colour=colour, since_s=args.since)))
    made = _makers(looked, args.since, floor)
    written = [_write(path, made[form]()) for form, path in wanted.items()]
    return all(written)


def _makers(looked: Looked, since_s: float | None, floor: Severity | None) -> Mapping[str, Callable[[], str]]:
    return {
        "json": lambda: json.dumps(triage_document(looked, since_s), indent=2) + "\n",
        "junit": lambda: junit(looked, floor),
        "markdown": lambda: markdown(looked),
    }


def _write(path: str, text: str) -> bool:
    """A document that cannot be written is told, and its text is not lost."""
    if path == STDOUT:
        print(text, end="")
        return True
    try:
        write_private(Path(path), text)
    except OSError as error:
        print(f"iamops: {path}: {error.strerror}; what should stand there follows", file=sys.stderr)
        sys.stderr.write(text)
        return False
    return True
