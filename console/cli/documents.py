"""Documents in the files that were asked for: the edge of every report that leaves for a file."""

from __future__ import annotations

from pathlib import Path

from console.parse.safe_text import safe_lines


def not_written(path: str, text: str) -> str | None:
    """Writes a document; returns why it could not be written, if so."""
    try:
        Path(path).write_text(safe_lines(text), encoding="utf-8")
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None
