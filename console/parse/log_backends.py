"""Which backends access-log lines name: who was asked last for each request, and who was asked in vain. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from console.parse.log_counts import values
from console.parse.log_format import Field, LogFormat
from console.parse.log_words import NOTHING, attempts
from console.parse.words import words

NAME_MAX = 120


@dataclass(frozen=True, slots=True)
class Asked:
    """Address -> requests, as nginx writes it.

    `last` was asked last for a request: it answered, or nobody did. `in_vain` was given up for another one
    before. `unnamed` are lines that name nobody, or are not in the format.
    """

    last: Counter[str] = field(default_factory=Counter)
    in_vain: Counter[str] = field(default_factory=Counter)
    unnamed: int = 0


def asked(form: LogFormat, lines: Iterable[bytes]) -> Asked:
    """Counts the backends in lines of a format that has Field.UPSTREAM."""
    variable = form.fields[Field.UPSTREAM]
    last: Counter[str] = Counter()
    in_vain: Counter[str] = Counter()
    unnamed = 0
    for line in lines:
        raw = values(form, line.decode("latin-1"), {variable}) or {}
        *before, final = attempts(raw.get(variable, ""))
        if final in NOTHING:
            unnamed += 1
            continue
        last[words(final, NAME_MAX)] += 1
        in_vain.update(words(each, NAME_MAX) for each in before)
    return Asked(last, in_vain, unnamed)
