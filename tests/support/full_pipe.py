"""A stream that takes nothing."""

from __future__ import annotations


class Full:
    """A stream that takes nothing."""

    def __init__(self, error: type[OSError]) -> None:
        self._error = error

    def write(self, text: str) -> int:
        raise self._error(28, "No space left on device")

    def fileno(self) -> int:
        raise OSError("no descriptor")

    def flush(self) -> None:
        raise self._error(28, "No space left on device")
