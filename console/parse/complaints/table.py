"""A daemon's own complaints as rows of a table, and lines gathered by them. Pure; linear in the text.

A pattern is anchored at the daemon's own words: what a client may have written stands behind them. What the
complaint is about stands in its group `about`, or in that of `place`, which is looked for in the whole line; where
that is found twice, a client may have written one of them, and nothing is taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice

from console.model.look import Complaint, ComplaintKind
from console.parse.words import words

TEXT_MAX, ABOUT_MAX = 240, 80
# The times of one complaint that are kept, the newest; a rule asks for minutes.
TIMES_MAX = 1000
# Complaints of one kind about different things, the newest: a flood of new names hides no other kind.
ABOUTS_MAX = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One complaint: how it is known, and what it means for an operator."""

    kind: ComplaintKind
    pattern: re.Pattern[str]
    means: str
    place: re.Pattern[str] | None = None

    def about(self, match: re.Match[str], text: str) -> str:
        named = match.groupdict().get("about") or ""
        if not named and self.place is not None:
            places = [found["about"] for found in islice(self.place.finditer(text), 2)]
            named = places[0] if len(places) == 1 else ""
        return words(named, ABOUT_MAX)


def row(kind: ComplaintKind, pattern: str, means: str, place: re.Pattern[str] | None = None) -> Row:
    return Row(kind, re.compile(pattern), means, place)


@dataclass(slots=True)
class Gathering:
    """Complaints of one source as its lines come, oldest first."""

    rows: tuple[Row, ...]
    found: dict[ComplaintKind, dict[tuple[str, str], Complaint]] = field(default_factory=dict)

    def take(self, at: float, unit: str, text: str) -> bool:
        """Whether the line is a complaint."""
        for each in self.rows:
            match = each.pattern.search(text)
            if match is not None:
                self._keep(each, at, words(unit, ABOUT_MAX), each.about(match, text), words(text, TEXT_MAX))
                return True
        return False

    def _keep(self, row: Row, at: float, unit: str, about: str, said: str) -> None:
        """The newest comes last, and the oldest of its kind goes."""
        kept = self.found.setdefault(row.kind, {})
        before = kept.pop((unit, about), None)
        times = () if before is None else before.times[-(TIMES_MAX - 1) :]
        kept[unit, about] = Complaint(row.kind, unit, about, (*times, at), said, row.means)
        if len(kept) > ABOUTS_MAX:
            del kept[next(iter(kept))]

    @property
    def complaints(self) -> tuple[Complaint, ...]:
        return tuple(each for kept in self.found.values() for each in kept.values())
