"""Documents in the files that were asked for: the edge of every report that leaves for a file."""

from __future__ import annotations

from pathlib import Path

from console.parse.safe_text import safe_lines
from console.session.private_file import write_private


def not_written(path: str, text: str) -> str | None:
    """Writes a document; returns why it could not be written, if so."""
    try:
        write_private(Path(path), safe_lines(text))
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None
