"""Parses `journalctl -o json` lines, and what keepalived says in them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from iamops.model.facts import VrrpState
from iamops.model.foreign import json_object, real, whole
from iamops.model.journal import HEAD_CHARS, LEDGER_CHARS, PLACE_CHARS, Anchor, AnchorLine
from iamops.model.text import safe_bytes, uncoloured
from iamops.model.timestamps import LAST_MOMENT_S, calendar_time
from iamops.parse.host import Section, script, sections
from iamops.redact.clean import clean_bytes, clean_text
from iamops.redact.detectors.lines import Speakers

# 2.x: "(VI_1) Entering MASTER STATE"; 1.3: "VRRP_Instance(VI_1) Entering MASTER STATE"
_ENTERING = re.compile(r"^(?:VRRP_Instance)?\((?P<name>[^)]+)\) [Ee]ntering (?P<state>[A-Z]+) STATE")
# What asking for a dump leaves in the journal: systemd's line about the signal, keepalived's about printing.
_ECHO = re.compile(r"^(?:\S+: Sent signal SIG(?:RTMIN\+2|USR1) to |Printing VRRP )")
_SUFFIX = ".service"
# As what runs of iamops write into the journal of a node.
OWN = "iamops"
# As systemd allows them (unit-name.c): nothing else is a unit's name.
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
    """Of lines in their order: a secret may go over several of them."""
    speakers = Speakers()
    for line in lines:
        record = journal_record(line, speakers)
        if record is not None:
            yield record


def journal_record(line: bytes, speakers: Speakers | None = None) -> JournalRecord | None:
    """None for anything that is not a journal entry about a unit.

    `speakers` remembers the lines before: a key or a statement may go over several entries.
    """
    fields = json_object(line)
    about = fields.get("UNIT")
    unit = about or fields.get("_SYSTEMD_UNIT")
    # Our own entry has no unit where its writer had ended before journald asked whose it is.
    if not unit and fields.get("SYSLOG_IDENTIFIER") == OWN:
        unit = OWN
    if not isinstance(unit, str) or _UNIT.fullmatch(unit) is None:
        return None
    stamp = fields.get("_SOURCE_REALTIME_TIMESTAMP") or fields.get("__REALTIME_TIMESTAMP")
    return JournalRecord(
        at=calendar_time((_number(stamp) or 0) / 1e6) or 0.0,
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
    """True for a line that only says somebody asked for a dump. Asking again because of it would never end."""
    return _ECHO.match(message) is not None


def _message(raw: object, unit: str, speakers: Speakers | None) -> str:
    """journalctl writes text that is not UTF-8 as a list of byte values."""
    if isinstance(raw, list) and all(isinstance(b, int) and 0 <= b < 256 for b in raw):
        text = bytes(raw)
    elif isinstance(raw, str):
        text = raw.encode("utf-8", "surrogatepass")
    else:
        return ""
    text = uncoloured(text)
    # What comes from `speakers` is without secrets already.
    return clean_bytes(text) if speakers is None else safe_bytes(speakers.of(unit, text))


def _number(raw: object) -> int | None:
    return whole(raw) if isinstance(raw, str) else None


# What a node's journald keeps, and from when on: read before its silence is taken for an all-clear.

# Every login and every sudo of ours writes an entry: a journal that is kept has a newer one.
SILENT_S = 600.0
# The journal begins with the kernel's first words, about when init starts.
BOOT_SLACK_S = 60.0
_NO_ENTRY = Section("", 1)
_STORAGE = (
    "systemd-analyze cat-config systemd/journald.conf 2>/dev/null "
    "| sed -n 's/^[[:space:]]*Storage[[:space:]]*=[[:space:]]*//p' | tail -n 1"
)
_OLDEST = "journalctl --quiet --no-pager --output=json --output-fields=_BOOT_ID 2>/dev/null | head -n 1"


@dataclass(frozen=True, slots=True)
class JournalExtent:
    """`oldest` and `newest` entry, `booted` and `now` in epoch s of the node's clock; None where not known.

    `storage`: journald's setting in lower case, empty where it is not set.
    """

    now: float
    oldest: float | None = None
    newest: float | None = None
    booted: float | None = None
    storage: str = ""

    @property
    def unavailable(self) -> str:
        """Why an empty answer of this journal means nothing; empty where it does."""
        if self.storage == "none":
            return "journald keeps no journal (Storage=none)"
        if self.newest is None:
            return "the journal has no entry at all that the login user may read"
        if self.now - self.newest > SILENT_S:
            return f"nothing was written to the journal for {(self.now - self.newest) / 60:.0f} min"
        return ""

    def since(self, span_s: float) -> float:
        """From when on everything that was logged is there. What runs on a node has not run before its boot."""
        asked, oldest, booted = self.now - span_s, self.oldest, self.booted
        if self.storage == "volatile" and booted is not None:
            return max(asked, booted)
        if oldest is None or (booted is not None and oldest <= booted + BOOT_SLACK_S):
            return asked
        return max(asked, oldest)


def journal_extent_script() -> tuple[str, ...]:
    return script(
        {
            "now": ("date", "+%s"),
            "init": ("ps", "-o", "etimes=", "-p", "1"),
            "storage": ("sh", "-c", _STORAGE),
            "newest": (
                *("journalctl", "--quiet", "--no-pager", "--lines=1"),
                *("--output=json", "--output-fields=_BOOT_ID"),
            ),
            "oldest": ("sh", "-c", _OLDEST),
        }
    )


def journal_extent(text: str) -> JournalExtent | None:
    """None where not even the time is known."""
    parts = sections(text)
    now = real(_word(parts, "now"))
    if now is None:
        return None
    up_s = whole(_word(parts, "init"))
    booted = None if up_s is None else now - up_s
    return JournalExtent(
        now, _at(parts, "oldest"), _at(parts, "newest"), booted, _word(parts, "storage").lower()[:20]
    )


def _word(parts: Mapping[str, Section], name: str) -> str:
    return parts.get(name, _NO_ENTRY).text.strip()


def _at(parts: Mapping[str, Section], name: str) -> float | None:
    """When the entry was written, by __REALTIME_TIMESTAMP."""
    micros = _number(json_object(_word(parts, name)).get("__REALTIME_TIMESTAMP"))
    return None if micros is None else micros / 1e6


# From the very beginning of the line: what follows are words that somebody chose.
_FORM = re.compile(
    r"run=(?P<run>[A-Za-z0-9-]{1,64}) "
    rf"ledger=(?P<ledger>[0-9a-f]{{{LEDGER_CHARS}}}) "
    r"n=(?P<n>[1-9][0-9]{0,14}) "
    rf"head=(?P<head>[0-9a-f]{{{HEAD_CHARS}}}) "
    rf"place=(?P<place>[0-9a-f]{{{PLACE_CHARS}}})(?: (?P<text>.*))?",
    re.DOTALL,
)
_BY = re.compile(r" by (\S{1,200}) from ")


def anchor_line(line: bytes) -> AnchorLine | None:
    fields = json_object(line)
    message = fields.get("MESSAGE")
    form = _FORM.fullmatch(message) if isinstance(message, str) else None
    if form is None:
        return None
    by = _BY.search(form["text"] or "")
    at = _number(fields.get("_SOURCE_REALTIME_TIMESTAMP")) or _number(fields.get("__REALTIME_TIMESTAMP")) or 0
    return AnchorLine(
        Anchor(form["ledger"], int(form["n"]), form["head"], form["place"]),
        min(at / 1e6, LAST_MOMENT_S),
        form["run"],
        _number(fields.get("_UID")),
        clean_text(by[1], 200) if by else "",
    )
