"""Reads what a node's journal remembers of ledgers, as the login user. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from console.model.anchor import AnchorLine
from console.nodes.transport import Transport, TransportError
from console.parse.anchor_line import anchor_line
from console.parse.safe_text import safe_bytes

LINES_MAX = 8000
BYTES_MAX = 6 * 1024 * 1024
TIMEOUT_S = 30.0
FIELDS = "MESSAGE,_UID,_SOURCE_REALTIME_TIMESTAMP"
# Without --quiet: it would hide that the login user may not read all of the journal.
_READ = (
    f"journalctl --no-pager --output=json --output-fields={FIELDS} SYSLOG_IDENTIFIER=iamops "
    '| grep -aF " ledger=" | tail -n "$1" | tail -c "$2"'
)
READ = ("sh", "-c", _READ, "anchors", str(LINES_MAX + 1), str(BYTES_MAX))
_HINT = b"not seeing messages from other users"
OWN_ONLY = "the login user may read its own lines only: put it in the group systemd-journal or adm"


@dataclass(frozen=True, slots=True)
class JournalSaid:
    """A node's anchors, oldest first. `unread`: why there are none, if nothing could be read; `notes`: what of it
    could not be.
    """

    lines: tuple[AnchorLine, ...] = ()
    unread: str = ""
    notes: tuple[str, ...] = ()


async def anchors_of(transport: Transport) -> JournalSaid:
    """Bounded in lines, bytes and time. Never raises for a node."""
    try:
        result = await transport.run(READ, timeout_s=TIMEOUT_S)
    except TransportError as failure:
        return JournalSaid(unread=failure.reason)
    raw = result.stdout.splitlines()
    notes = []
    if result.stderr.strip():
        notes.append(
            OWN_ONLY if _HINT in result.stderr else safe_bytes(result.stderr.strip().splitlines()[0], 160)
        )
    lines = tuple(line for each in raw[-LINES_MAX:] if (line := anchor_line(each)) is not None)
    if not lines and notes:
        return JournalSaid(unread=notes[0])
    if len(raw) > LINES_MAX or len(result.stdout) >= BYTES_MAX:
        notes.append(f"only its newest {len(lines)} lines were read")
    return JournalSaid(lines, "", tuple(notes))
