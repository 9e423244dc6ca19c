"""What `nginx -t` and `keepalived -t` say, as complaints with file and line. Pure.

keepalived's exit code is the largest of its complaints' (4 unusable, 5 errors, 6 scripts only), so that 6 may
hide worse: its words are read too. 2.2.7 can end itself (143) with a script_user: that is no complaint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from console.model.config import DaemonCheck
from console.parse.words import words

_NGINX = re.compile(
    r"\[(?P<level>[a-z]+)\] (?:[0-9]{1,9}#[0-9]{1,9}: )?(?P<text>.*?)(?: in (?P<file>/\S+):(?P<line>[0-9]{1,9}))?$"
)
_KEEPALIVED = re.compile(r"^\((?:(?P<file>/\S+?): )?Line (?P<line>[0-9]{1,9})\) (?P<text>.*)$")
_SECURITY = re.compile(r"SECURITY VIOLATION|insecure|Unsafe permissions")
_HARMLESS = re.compile(r"is deprecated|^Configuration file|^Opening file|^Starting ")
KILLED_ITSELF = (143, -15, None)
# Nobody reads more, and each costs the time to be made harmless.
MOST = 200


@dataclass(frozen=True, slots=True)
class Complaint:
    """`kind` is error, security or warning."""

    kind: str
    message: str
    file: str | None = None
    line: int | None = None


def complaints(check: DaemonCheck) -> tuple[Complaint, ...]:
    """What was found wrong, the first MOST of it; nothing for a test that passed without a word."""
    if check.untold:
        return ()
    found = _nginx(check) if check.daemon == "nginx" else _keepalived(check)
    return tuple(islice(found, MOST))


def _nginx(check: DaemonCheck) -> Iterator[Complaint]:
    found = False
    for line in check.output.splitlines():
        match = _NGINX.search(line.strip())
        if match is None:
            continue
        kind = "error" if match["level"] in ("emerg", "alert", "crit", "error") else "warning"
        found = found or kind == "error"
        number = int(match["line"]) if match["line"] else None
        yield Complaint(kind, words(match["text"], 200), match["file"], number)
    if check.exit_status not in (0,) and not found:
        yield Complaint("error", words(check.output.strip(), 200) or f"exit code {check.exit_status}")


def _keepalived(check: DaemonCheck) -> Iterator[Complaint]:
    if check.exit_status == 0 or (check.exit_status in KILLED_ITSELF and not check.output.strip()):
        return
    found = False
    for line in check.output.splitlines():
        text = line.strip()
        if not text or _HARMLESS.search(text):
            continue
        match = _KEEPALIVED.match(text)
        number = int(match["line"]) if match and match["line"] else None
        said = match["text"] if match else text
        kind = "security" if _SECURITY.search(text) else "error"
        found = True
        yield Complaint(kind, words(said or text, 200), match["file"] if match else None, number)
    if not found and check.exit_status not in KILLED_ITSELF:
        yield Complaint("error", f"exit code {check.exit_status} without a word")
