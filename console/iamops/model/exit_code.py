"""The exit codes of every command, and of the console."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """0 is only ever success."""

    OK = 0
    CHECK_FAILED = 1
    USAGE = 2
    REFUSED = 3
    UNREACHABLE = 4
    UNKNOWN = 5
    INTERRUPTED = 130
