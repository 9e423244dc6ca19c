"""Reads what a node's journal remembers of ledgers, as the login user. Changes nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from console.model.anchor import AnchorLine
from console.nodes.transport import Transport, TransportError
from console.parse.anchor_line import anchor_line
from console.parse.words import words_of

OWN_MAX, OTHERS_MAX = 8000, 500
BYTES_MAX = 6 * 1024 * 1024
TIMEOUT_S = 30.0
FIELDS = "MESSAGE,_UID,_SOURCE_REALTIME_TIMESTAMP"
# A line that is there already is left out, and other ledgers have a share of their own: whoever writes many
# lines does not crowd out those that speak against him.
_AWK = """
!match($0, /"MESSAGE" ?: ?"run=[A-Za-z0-9-]+ ledger=[0-9a-f]+ n=[0-9]+ head=[0-9a-f]+ place=[0-9a-f]+/) { next }
{ words = split(substr($0, RSTART, RLENGTH), word, " ")
  key = word[words - 3] " " word[words - 2] " " word[words - 1] }
{ here = index(" " places " ", " " substr(word[words], 7) " ") }
word[words - 3] != "ledger=" ledger && !here { other[o++ % others] = $0; next }
key in seen { next }
n >= 100000 { exit }
{ seen[key] = 1; own[n++ % most] = $0 }
END {
  for (i = (n > most ? n - most : 0); i < n; i++) print own[i % most]
  for (i = (o > others ? o - others : 0); i < o; i++) print other[i % others]
  print "left out " (n > most ? n - most : 0) " " (o > others ? o - others : 0)
}
"""
# Without --quiet: it would hide that the login user may not read all of the journal.
_READ = (
    f"journalctl --no-pager --output=json --output-fields={FIELDS} SYSLOG_IDENTIFIER=iamops | grep -aF ' ledger=' "
    '| awk -v ledger="$1" -v places="$2" -v most="$3" -v others="$4" "$6" '
    '| tail -c "$5"'
)
_LEFT = re.compile(rb"left out ([0-9]{1,9}) ([0-9]{1,9})")
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


def reading(ledger: str | None, places: Collection[str]) -> tuple[str, ...]:
    """The command that reads a journal for this ledger."""
    bounds = (str(OWN_MAX), str(OTHERS_MAX), str(BYTES_MAX))
    return ("sh", "-c", _READ, "anchors", ledger or "none", " ".join(places), *bounds, _AWK)


async def anchors_of(transport: Transport, ledger: str | None, places: Collection[str]) -> JournalSaid:
    """This ledger's lines, then a few of others. Bounded in lines, bytes and time. Never raises for a node."""
    try:
        result = await transport.run(reading(ledger, places), timeout_s=TIMEOUT_S)
    except TransportError as failure:
        return JournalSaid(unread=failure.reason)
    raw = result.stdout.splitlines()
    complaints, notes = result.stderr.strip().splitlines(), list[str]()
    if complaints:
        notes.append(OWN_ONLY if _HINT in result.stderr else words_of(complaints[0], 160))
    lines = tuple(line for each in raw if (line := anchor_line(each)) is not None)
    if not lines and notes:
        return JournalSaid(unread=notes[0])
    return JournalSaid(lines, "", (*notes, *_left_out(raw, len(result.stdout))))


def _left_out(raw: Sequence[bytes], size: int) -> Iterator[str]:
    told = _LEFT.fullmatch(raw[-1]) if raw else None
    if told is None or size >= BYTES_MAX:
        yield "not all of its lines could be read"
        return
    own, others = int(told[1]), int(told[2])
    if own:
        yield f"its oldest {own} lines of this ledger were not read"
    if others:
        yield f"{others} lines of other ledgers were not read"
