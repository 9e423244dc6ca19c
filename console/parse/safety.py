"""What actions need and leave on a node: armed undos, who holds the lock, track files. Pure."""

from __future__ import annotations

import posixpath
import re

from console.model.facts import LockHolder, SafetyReport
from console.parse.foreign_json import json_of
from console.parse.words import words, words_of

_LOCK = re.compile(r"iamops-lock from=(?P<origin>\S*) since=(?P<since>[0-9]{1,11}) (?P<note>.*)", re.DOTALL)
SOMEONE = LockHolder("someone", "an unknown address", 0.0, "an unknown action")
WORD_LIMIT = 120
# Of a kind on one node; no run arms as many, and whoever makes more has no say in how long reading them takes.
MOST_FILES = 200


def safety_report(timers: str, locks: str, track_files: str) -> SafetyReport:
    """From the paths of timer files, the arguments of lock holders, and the paths of track files."""
    return SafetyReport(
        _names(timers, "iamops-dead-man-"),
        lock_holder(locks.encode()),
        _names(track_files, "iamops-priority."),
    )


def lock_holder(found: bytes) -> LockHolder | None:
    """The first holder among NUL-separated arguments `iamops-lock from=… since=… {json}`; None: nobody."""
    first = next((each for each in found.split(b"\0") if each.strip()), None)
    if first is None:
        return None
    match = _LOCK.match(words_of(first.strip()))
    if match is None:
        return SOMEONE
    note = _note(match["note"])
    return LockHolder(
        note.get("who", SOMEONE.who),
        match["origin"] or "the node itself",
        float(match["since"]),
        note.get("action", SOMEONE.action),
        note.get("run", ""),
    )


def _note(text: str) -> dict[str, str]:
    try:
        raw = json_of(text)
    except ValueError:
        return {}
    return {key: words(str(raw[key]), WORD_LIMIT) for key in raw} if isinstance(raw, dict) else {}


def _names(paths: str, prefix: str) -> tuple[str, ...]:
    found = [line for line in paths.splitlines() if line.startswith("/run/") and f"/{prefix}" in line]
    names = tuple(_name(path).removeprefix(prefix) for path in found[:MOST_FILES])
    return names if len(found) <= MOST_FILES else (*names, f"{len(found) - MOST_FILES} more")


def _name(path: str) -> str:
    return words(posixpath.basename(path).removesuffix(".timer"), WORD_LIMIT)
