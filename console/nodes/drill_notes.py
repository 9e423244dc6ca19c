"""What a drill reads from a node beside the live state: versions, and what its notify log gained."""

from __future__ import annotations

import re
from dataclasses import dataclass

from console.model.profile import Profile
from console.nodes.transport import CommandFailed, Transport
from console.parse.safe_text import safe_bytes

TIMEOUT_S = 5.0
_WORD = re.compile(rb"notify_([a-z]+)")
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
        return LogMark(None, safe_bytes(result.stderr.strip(), 160))
    return LogMark(int(result.text.strip() or 0))


async def notify_words(
    transport: Transport, profile: Profile, mark: LogMark
) -> tuple[tuple[str, ...] | None, str]:
    """The states written behind the mark, in order; None and the reason where they cannot be read.

    A log that is shorter than the mark has been rotated: it is read from its beginning.
    """
    if mark.size is None:
        return None, mark.reason
    now = await notify_mark(transport, profile)
    start = mark.size if now.size is not None and now.size >= mark.size else 0
    try:
        result = await transport.run(("tail", "-c", f"+{start + 1}", profile.logs.notify), timeout_s=TIMEOUT_S)
    except CommandFailed as failure:
        return None, failure.reason
    if not result.ok:
        return None, safe_bytes(result.stderr.strip(), 160)
    return tuple(word.decode().upper() for word in _WORD.findall(result.stdout)), ""


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
