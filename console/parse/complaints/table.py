"""A daemon's own complaints as rows of a table, and lines gathered by them. Pure; linear in the text.

A pattern is anchored at the daemon's own words: what a client may have written stands behind them. What the
complaint is about stands in its group `about`, or in that of `place`, which is looked for in the whole line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from console.model.look import Complaint, ComplaintKind
from console.parse.words import words

TEXT_MAX, ABOUT_MAX = 240, 80
# The times of one complaint that are kept, the newest; a rule asks for minutes.
TIMES_MAX = 1000
# Different complaints of one source: a flood of new names is cut here.
KINDS_MAX = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One complaint: how it is known, and what it means for an operator."""

    kind: ComplaintKind
    pattern: re.Pattern[str]
    means: str
    place: re.Pattern[str] | None = None

    def about(self, match: re.Match[str], text: str) -> str:
        named = match.groupdict().get("about") or ""
        if not named and self.place is not None and (found := self.place.search(text)) is not None:
            named = found["about"]
        return words(named, ABOUT_MAX)


def row(kind: ComplaintKind, pattern: str, means: str, place: re.Pattern[str] | None = None) -> Row:
    return Row(kind, re.compile(pattern), means, place)


@dataclass(slots=True)
class Gathering:
    """Complaints of one source as its lines come, oldest first."""

    rows: tuple[Row, ...]
    found: dict[tuple[ComplaintKind, str, str], Complaint] = field(default_factory=dict)

    def take(self, at: float, unit: str, text: str) -> bool:
        """Whether the line is a complaint."""
        for each in self.rows:
            match = each.pattern.search(text)
            if match is None:
                continue
            about = each.about(match, text)
            key = (each.kind, unit, about)
            before = self.found.get(key)
            if before is None and len(self.found) >= KINDS_MAX:
                return True
            said = words(text, TEXT_MAX)
            if before is None:
                self.found[key] = Complaint(each.kind, words(unit, ABOUT_MAX), about, (at,), said, each.means)
            else:
                times = (*before.times[-(TIMES_MAX - 1) :], at)
                self.found[key] = replace(before, times=times, text=said)
            return True
        return False

    @property
    def complaints(self) -> tuple[Complaint, ...]:
        return tuple(self.found.values())
