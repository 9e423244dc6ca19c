"""Where an exported screen goes, and what must not be in it."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

from console.parse.safe_text import safe_lines
from console.session.private_file import private_directory, write_private
from console.session.resources import state_dir

_FONT_FACE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


def export_path(profile: str, at: float) -> Path:
    """A file in the user's state directory; in the working directory if that cannot be written."""
    directory = state_dir() / "screens"
    try:
        private_directory(directory)
    except OSError:
        directory = Path.cwd()
    if not os.access(directory, os.W_OK):
        directory = Path.cwd()
    stamp = datetime.fromtimestamp(at, tz=UTC).strftime("%Y%m%dT%H%M%SZ")
    return directory / f"iamops-{profile}-{stamp}.svg"


def save(svg: str, path: Path) -> str | None:
    """Writes a picture that only its owner can read; returns why it could not be written, if so."""
    try:
        write_private(path, svg)
    except OSError as error:
        return f"not saved: {error.filename}: {error.strerror}"
    return None


def self_contained(svg: str) -> str:
    """The same picture without fonts from the web, so that whoever opens it calls no one.

    No character in it moves or hides others. Spaces are marked as meant: some renderers drop them at the start of
    a text, and columns shift.
    """
    return safe_lines(_FONT_FACE.sub("", svg)).replace("<text ", '<text xml:space="preserve" ')
