"""Colours that services write into their logs. Pure."""

from __future__ import annotations

import re

# Colour, weight and their end (SGR): what else a terminal would act on is shown for what it is.
_COLOUR = re.compile(rb"\x1b\[[0-9;:]{0,32}m")


def uncoloured(line: bytes) -> bytes:
    """The line without its colours: some services write them into files and the journal too."""
    return _COLOUR.sub(b"", line) if b"\x1b[" in line else line
