"""Parses `journalctl -o json` lines, and what keepalived says in them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from console.model.facts import VrrpState
from console.model.timestamps import moment
from console.parse.colours import uncoloured
from console.parse.foreign_json import json_of
from console.parse.numbers import whole
from console.parse.redact_lines import Speakers
from console.parse.safe_text import safe_bytes
from console.parse.words import words_of

# 2.x: "(VI_1) Entering MASTER STATE"; 1.3: "VRRP_Instance(VI_1) Entering MASTER STATE"
_ENTERING = re.compile(r"^(?:VRRP_Instance)?\((?P<name>[^)]+)\) [Ee]ntering (?P<state>[A-Z]+) STATE")
# What asking for a dump leaves in the journal: systemd's line about the signal, keepalived's about printing.
_ECHO = re.compile(r"^(?:\S+: Sent signal SIG(?:RTMIN\+2|USR1) to |Printing VRRP )")
_SUFFIX = ".service"
# As what runs of iamops write into the journal of a node.
OWN = "iamops"
# As systemd allows them (unit-name.c). What is called otherwise is no unit, whoever says so.
_UNIT = re.compile(r"[A-Za-z0-9:_.@\\-]{1,255}")


@dataclass(frozen=True, slots=True)
class JournalRecord:
    """One journal entry. `at` is epoch seconds on the node's clock; `unit` has no .service suffix.

    `at` is when it was sent, where the journal knows: a busy journald may take it in much later.

    `by_systemd`: systemd (PID 1) wrote it about the unit, rather than the unit itself.
    """

    at: float
    unit: str
    message: str
    by_systemd: bool


def journal_records(lines: Iterable[bytes]) -> Iterator[JournalRecord]:
    """Of lines that come one after the other: what one says of the next is minded."""
    speakers = Speakers()
    for line in lines:
        record = journal_record(line, speakers)
        if record is not None:
            yield record


def journal_record(line: bytes, speakers: Speakers | None = None) -> JournalRecord | None:
    """None for anything that is not a journal entry about a unit.

    `speakers` remembers the lines before: a key or a statement may go over several entries.
    """
    try:
        fields = json_of(line)
    except ValueError:
        return None
    if not isinstance(fields, dict):
        return None
    about = fields.get("UNIT")
    unit = about or fields.get("_SYSTEMD_UNIT")
    # What we left there has no unit where its writer had gone before journald looked whose it is.
    if not unit and fields.get("SYSLOG_IDENTIFIER") == OWN:
        unit = OWN
    if not isinstance(unit, str) or _UNIT.fullmatch(unit) is None:
        return None
    return JournalRecord(
        at=_microseconds(fields.get("_SOURCE_REALTIME_TIMESTAMP") or fields.get("__REALTIME_TIMESTAMP")),
        unit=unit.removesuffix(_SUFFIX),
        message=_message(fields.get("MESSAGE"), unit, speakers),
        by_systemd=about is not None,
    )


def transition(message: str) -> tuple[str, VrrpState] | None:
    """(instance, state) when keepalived says that an instance entered a state."""
    match = _ENTERING.match(message)
    if match is None or match["state"] not in VrrpState.__members__:
        return None
    return match["name"], VrrpState[match["state"]]


def is_echo(message: str) -> bool:
    """True for a line that only says somebody asked for a dump. Looking again because of it never ends."""
    return _ECHO.match(message) is not None


def _message(raw: object, unit: str, speakers: Speakers | None) -> str:
    """journalctl writes text that is not UTF-8 as a list of byte values."""
    if isinstance(raw, list) and all(isinstance(b, int) and 0 <= b < 256 for b in raw):
        said = bytes(raw)
    elif isinstance(raw, str):
        said = raw.encode("utf-8", "surrogatepass")
    else:
        return ""
    said = uncoloured(said)
    if speakers is None:
        return words_of(said)
    # What was said is without secrets now, and is made harmless.
    return safe_bytes(speakers.of(unit, said))


def _microseconds(raw: object) -> float:
    return moment((whole(raw) or 0) / 1e6) or 0.0 if isinstance(raw, str) else 0.0
