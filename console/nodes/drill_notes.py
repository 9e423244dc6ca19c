"""What a drill reads from a node beside the live state: versions, and what its notify log gained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from console.model.profile import Profile
from console.nodes.transport import CommandFailed, Transport
from console.parse.numbers import whole
from console.parse.words import words, words_of

TIMEOUT_S = 5.0
_LINE = re.compile(rb"\[(?P<at>[-0-9]{10} [0-9:]{8})\] notify_(?P<word>[a-z]+)")
# The log counts in the node's own local time: $1 is the log, $2 from which byte on.
_READ = 'date +%z && tail -c "$2" -- "$1"'
_VERSION = re.compile(rb"(?:nginx/|Keepalived v)([0-9][0-9.]*)")
# sbin is not on every login user's path.
_VERSIONS = 'PATH="$PATH:/usr/sbin:/sbin"; "$1" "$2" 2>&1 | head -n 1'


@dataclass(frozen=True, slots=True)
class LogMark:
    """How long the notify log was; None with the reason where that cannot be told."""

    size: int | None
    reason: str = ""


async def notify_mark(transport: Transport, profile: Profile) -> LogMark:
    """Where the notify log ends now."""
    argv = ("stat", "--dereference", "--format=%s", profile.logs.notify)
    try:
        result = await transport.run(argv, timeout_s=TIMEOUT_S)
    except CommandFailed as failure:
        return LogMark(None, failure.reason)
    if not result.ok:
        return LogMark(None, words_of(result.stderr.strip(), 160))
    size = whole(result.text.strip())
    return LogMark(size) if size is not None else LogMark(None, f"stat said {words(result.text, 60)!r}")


@dataclass(frozen=True, slots=True)
class NotifyLine:
    """A line of the notify log: epoch seconds by the node's clock, in whole seconds, and the state."""

    at: float
    state: str


async def notify_lines(
    transport: Transport, profile: Profile, mark: LogMark
) -> tuple[tuple[NotifyLine, ...] | None, str]:
    """The lines written behind the mark, in order; None and the reason where they cannot be read.

    A log that is shorter than the mark has been rotated: it is read from its beginning.
    """
    if mark.size is None:
        return None, mark.reason
    now = await notify_mark(transport, profile)
    start = mark.size if now.size is not None and now.size >= mark.size else 0
    argv = ("sh", "-c", _READ, "notify", profile.logs.notify, f"+{start + 1}")
    try:
        result = await transport.run(argv, timeout_s=TIMEOUT_S)
    except CommandFailed as failure:
        return None, failure.reason
    if not result.ok:
        return None, words_of(result.stderr.strip(), 160)
    zone, _, text = result.stdout.partition(b"\n")
    return tuple(_lines(text, zone.decode("ascii", "replace"))), ""


def _lines(text: bytes, zone: str) -> Iterator[NotifyLine]:
    for match in _LINE.finditer(text):
        try:
            at = datetime.strptime(f"{match['at'].decode()} {zone}", "%Y-%m-%d %H:%M:%S %z").timestamp()
        except ValueError:
            at = 0.0
        yield NotifyLine(at, match["word"].decode().upper())


async def versions(transport: Transport) -> dict[str, str | None]:
    """keepalived's and nginx's version; None where it is not told."""
    return {
        "keepalived": await _version(transport, "keepalived", "--version"),
        "nginx": await _version(transport, "nginx", "-v"),
    }


async def _version(transport: Transport, program: str, option: str) -> str | None:
    try:
        result = await transport.run(("sh", "-c", _VERSIONS, "version", program, option), timeout_s=TIMEOUT_S)
    except CommandFailed:
        return None
    match = _VERSION.search(result.stdout)
    return match[1].decode() if match else None
