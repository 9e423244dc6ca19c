"""What sudo says beside the command that it runs all the same: no word of that command, and no refusal. Pure."""

from __future__ import annotations

import re

# A host name that does not resolve, a full /run or /var, a container without this or that right.
_BESIDE = re.compile(
    rb"^sudo: (?:unable to (?:resolve host|send audit message"
    rb"|(?:open|read|write to|create|mkdir|stat|lock|truncate) /(?:run|var)/)|setrlimit\()[^\n]*\n?",
    re.MULTILINE,
)


def without_warnings(stderr: bytes) -> bytes:
    """What is left begins with `sudo:` only where sudo has run nothing."""
    return _BESIDE.sub(b"", stderr) if b"sudo: " in stderr else stderr
