"""What a node's journald keeps, and from when on: read before its silence is taken for peace. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from console.parse.foreign_json import json_of
from console.parse.numbers import real, whole
from console.parse.sections import Section, script, sections

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
class Kept:
    """`oldest` and `newest` entry, `booted` and `now` in epoch s of the node's clock; None where it is not told.

    `storage`: journald's setting in lower case, empty where it is not set.
    """

    now: float
    oldest: float | None = None
    newest: float | None = None
    booted: float | None = None
    storage: str = ""

    @property
    def missing(self) -> str:
        """Why an empty answer of this journal tells nothing; empty where it tells something."""
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


def kept_script() -> tuple[str, ...]:
    """One argv for everything that `kept` reads."""
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


def kept(text: str) -> Kept | None:
    """None where not even the time is told."""
    parts = sections(text)
    now = real(_word(parts, "now"))
    if now is None:
        return None
    up_s = whole(_word(parts, "init"))
    booted = None if up_s is None else now - up_s
    return Kept(now, _at(parts, "oldest"), _at(parts, "newest"), booted, _word(parts, "storage").lower()[:20])


def _word(parts: Mapping[str, Section], name: str) -> str:
    return parts.get(name, _NO_ENTRY).text.strip()


def _at(parts: Mapping[str, Section], name: str) -> float | None:
    """When the entry was written, by __REALTIME_TIMESTAMP."""
    try:
        fields = json_of(_word(parts, name).encode())
    except ValueError:
        return None
    stamp = fields.get("__REALTIME_TIMESTAMP") if isinstance(fields, dict) else None
    micros = whole(stamp) if isinstance(stamp, str) else None
    return None if micros is None else micros / 1e6
