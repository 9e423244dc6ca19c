"""An error of our own that nobody expected, in one line. Pure."""

from __future__ import annotations

from console.parse.words import words


def fault_of_ours(error: BaseException) -> str:
    """Without secrets, and never a traceback. Of a group the first, which is what somebody can act on."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    said = words(str(error), 160)
    return f"a fault of iamops: {type(error).__name__}{': ' if said else ''}{said}"
