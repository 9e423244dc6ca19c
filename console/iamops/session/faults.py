"""An error of our own as it is shown: its text without secrets, and a traceback on request."""

from __future__ import annotations

import os
import traceback

from iamops.redact.clean import without_secrets

HINT = "this is a bug in iamops; run again with IAMOPS_DEBUG=1 and report what it prints"


def fault_text(error: BaseException) -> str:
    """A sentence and what to do about it. No values of variables: they are what nodes sent, and passwords."""
    return f"{type(error).__name__}: {without_secrets(str(error))}\n{HINT}"


def traceback_of(error: BaseException) -> str:
    """Where it came from, if IAMOPS_DEBUG=1 asks for it; else an empty text."""
    if not os.environ.get("IAMOPS_DEBUG"):
        return ""
    return without_secrets("".join(traceback.format_exception(error)))
