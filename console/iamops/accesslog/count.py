"""Counts access-log lines here, into the same tables that a node's awk counts into. Pure.

A table's key joins its parts, as they stand in the log, with tabs. Only this module puts keys together and takes
them apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Flag, auto
from functools import lru_cache
from typing import NamedTuple

from iamops.accesslog.extract import Cut, ExtractStep, Tokens, extract, plan_of
from iamops.accesslog.filter import EVERYTHING, Where
from iamops.accesslog.format import ESCAPE, ESCAPED, QUOTE, Escape, LogField, LogFormat
from iamops.accesslog.values import (
    INVALID,
    LIST_MAX,
    METHOD,
    VALUE_MAX,
    Resolution,
    bucket_of,
    first_attempts,
    pattern_of,
    slot_text,
)
from iamops.model.traffic import OTHERS

PROBE_AGENT = "iamops-probe"
PROBE_MARK = f"{PROBE_AGENT}/"
TAB = "\t"
# In a line of more bytes than this, values are cut: lists of attempts to LIST_MAX, others to VALUE_MAX.
LONG_LINE = 600
SHAPE_FIELDS = (LogField.METHOD, LogField.HOST, LogField.UPSTREAM, LogField.UPSTREAM_STATUS)
# What becomes part of a key as it stands in the line, and how much of it at most.
KEPT = {
    LogField.METHOD: VALUE_MAX,
    LogField.HOST: VALUE_MAX,
    LogField.CLIENT: VALUE_MAX,
    LogField.REQUEST_TIME: VALUE_MAX,
    LogField.UPSTREAM: LIST_MAX,
    LogField.UPSTREAM_STATUS: LIST_MAX,
    LogField.UPSTREAM_TIME: LIST_MAX,
}
_STATUS = re.compile(r"[0-9][0-9][0-9]", re.ASCII)
_REQUEST = re.compile(f"({METHOD}) ([^ ]*)")
_BYTES = re.compile(r"[0-9]{1,15}", re.ASCII)


class Columns(Flag):
    """What is counted beside the status. Each costs the node's awk some time."""

    NOTHING = 0
    TIME = auto()
    SHAPE = auto()
    PATHS = auto()
    CLIENTS = auto()
    TIMES = auto()


FULL = Columns.TIME | Columns.SHAPE | Columns.PATHS | Columns.CLIENTS | Columns.TIMES
_FIELDS_OF = {
    Columns.TIME: {LogField.TIME},
    Columns.SHAPE: {*SHAPE_FIELDS, LogField.BYTES},
    Columns.PATHS: {LogField.PATH},
    Columns.CLIENTS: {LogField.CLIENT},
    Columns.TIMES: {LogField.REQUEST_TIME, LogField.UPSTREAM, LogField.UPSTREAM_TIME},
}


@dataclass(frozen=True, slots=True)
class CountQuery:
    """How lines are counted. `where` leaves lines out; `resolution` is how finely they are counted over time."""

    log_format: LogFormat
    columns: Columns = FULL
    where: Where = EVERYTHING
    resolution: Resolution = Resolution.MINUTE

    @property
    def needed(self) -> frozenset[LogField]:
        """The fields that must be taken out of a line, as far as the format has them."""
        wanted = {LogField.STATUS, LogField.AGENT, *self.where.fields}
        for column in self.columns:
            wanted |= _FIELDS_OF[column]
        return frozenset(field for field in wanted if self.log_format.has(field))

    @property
    def variables(self) -> dict[str, frozenset[LogField]]:
        """variable -> the needed fields that it has."""
        found: dict[str, set[LogField]] = {}
        for needed in self.needed:
            name = self.log_format.fields.get(needed) or self.log_format.fields[LogField.REQUEST]
            found.setdefault(name, set()).add(needed)
        return {name: frozenset(fields) for name, fields in found.items()}


class RequestShape(NamedTuple):
    """What a key of `Counts.shapes` has behind slot and status where Columns.SHAPE is counted."""

    method: str
    host: str
    upstream: str
    upstream_status: str


@dataclass(slots=True)
class Counts:
    """What was counted. Keys: `shapes` slot, status, method, host, upstream, its status; `paths` slot,
    status, pattern; `clients` slot, client; `times` slot, request time; `answers` slot, upstream, its time.
    Times are buckets (`values.bucket_of`).

    `sent` are bytes by slot. `probes` of the counted requests say that they are health checks of the console:
    anybody can say that. `unparsed` are lines that are not in the format, `left_out` those that the expression
    leaves out: they are in no table.
    """

    shapes: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    paths: Counter[str] = field(default_factory=Counter)
    clients: Counter[str] = field(default_factory=Counter)
    times: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    probes: int = 0
    unparsed: int = 0
    left_out: int = 0

    @property
    def total(self) -> int:
        return self.shapes.total()

    def add(self, other: Counts) -> None:
        for mine, more in zip(self.tables, other.tables, strict=True):
            mine.update(more)
        self.probes += other.probes
        self.unparsed += other.unparsed
        self.left_out += other.left_out

    @property
    def tables(self) -> tuple[Counter[str], ...]:
        return (self.shapes, self.sent, self.paths, self.clients, self.times, self.answers)

    def shape_rows(self) -> Iterator[tuple[str, str, RequestShape | None, int]]:
        """(slot, status, shape, requests)"""
        for key, number in self.shapes.items():
            slot, status, *parts = key.split(TAB)
            # A host with a tab in it stays in one piece: the parts behind it hold none.
            shape = RequestShape(parts[0], TAB.join(parts[1:-2]), *parts[-2:]) if len(parts) > 3 else None
            yield slot, status, shape, number

    def path_rows(self) -> Iterator[tuple[str, str, str, int]]:
        """(slot, status, pattern, requests)"""
        for key, number in self.paths.items():
            slot, status, path = key.split(TAB, 2)
            yield slot, status, path, number

    def answer_rows(self) -> Iterator[tuple[str, str, str, int]]:
        """(slot, upstream, its time, requests)"""
        for key, number in self.answers.items():
            slot, rest = key.split(TAB, 1)
            upstream, _, took = rest.rpartition(TAB)
            yield slot, upstream, took, number


def slot_rows(table: Counter[str]) -> Iterator[tuple[str, str, int]]:
    """(slot, client or request time, requests) of `clients` or `times`."""
    for key, number in table.items():
        slot, value = key.split(TAB, 1)
        yield slot, value, number


def is_key(key: str, further_parts: int, *, status: bool) -> bool:
    """Whether a key has that many parts behind its slot, the first of them a status if there is to be one."""
    parts = key.split(TAB)
    return len(parts) > further_parts and (not status or _STATUS.fullmatch(parts[1]) is not None)


def counted(query: CountQuery, lines: Iterable[bytes]) -> Counts:
    """Counts complete lines, given without their newlines."""
    counts, variables = Counts(), query.variables
    for line in lines:
        text = line.decode("latin-1")
        raw = values(query.log_format, text, variables)
        fields = _fields(query.log_format, variables, raw) if raw is not None else {}
        if not _STATUS.fullmatch(fields.get(LogField.STATUS, "")):
            counts.unparsed += 1
        elif not query.where.matches(fields):
            counts.left_out += 1
        else:
            counts.probes += fields.get(LogField.AGENT, "").startswith(PROBE_MARK)
            if len(text) > LONG_LINE:
                fields |= {field: fields[field][:most] for field, most in KEPT.items() if field in fields}
            _add_to_tables(query, fields, counts)
    return counts


def values(form: LogFormat, line: str, wanted: Iterable[str]) -> dict[str, str] | None:
    """The values of some variables as they stand in the line; None if the line is not in the format."""
    if form.escape is Escape.JSON and ESCAPE in line:
        line = line.replace(ESCAPE + ESCAPE, ESCAPED[0]).replace(ESCAPE + QUOTE, ESCAPED[1])
    pieces = line.split(QUOTE)
    if len(pieces) != len(form.segments):
        return None
    found: dict[str, str] = {}
    for plan, piece in zip(_plans(form.segments, frozenset(wanted)), pieces, strict=True):
        found |= extract(piece, plan)
    return found


@lru_cache(maxsize=64)
def _plans(segments: tuple[Tokens, ...], wanted: frozenset[str]) -> tuple[tuple[ExtractStep | Cut, ...], ...]:
    return tuple(plan_of(tokens, wanted) for tokens in segments)


def _fields(
    form: LogFormat, variables: dict[str, frozenset[LogField]], raw: dict[str, str]
) -> dict[LogField, str]:
    """The needed fields, out of the variables' values."""
    found: dict[LogField, str] = {}
    for name, fields in variables.items():
        value = raw.get(name, "")
        found.update(dict.fromkeys(fields, value))
        if name == form.fields.get(LogField.REQUEST):
            match = _REQUEST.match(value)
            if LogField.METHOD in fields:
                found[LogField.METHOD] = match[1] if match is not None else INVALID
            if LogField.PATH in fields:
                found[LogField.PATH] = match[2] if match is not None else ""
    for listed, name in form.fields.items():
        if name in form.counted and listed in found:
            found[listed] = first_attempts(found[listed], like=found.get(LogField.UPSTREAM, ""))
    if LogField.PATH in found:
        found[LogField.PATH] = found[LogField.PATH].partition("?")[0]
    return found


def _add_to_tables(query: CountQuery, fields: dict[LogField, str], counts: Counts) -> None:
    columns, form, status = query.columns, query.log_format, fields[LogField.STATUS]

    def value(field: LogField) -> str:
        return fields.get(field, "")

    slot = slot_text(value(LogField.TIME), form.time_format, query.resolution) if Columns.TIME in columns else ""
    if TAB in slot:
        slot = ""
    if Columns.SHAPE in columns:
        counts.shapes[TAB.join((slot, status, *map(value, SHAPE_FIELDS)))] += 1
        if _BYTES.fullmatch(value(LogField.BYTES)):
            counts.sent[slot] += int(value(LogField.BYTES))
    else:
        counts.shapes[TAB.join((slot, status))] += 1
    if Columns.PATHS in columns and form.has(LogField.PATH):
        counts.paths[TAB.join((slot, status, pattern_of(value(LogField.PATH))))] += 1
    if Columns.CLIENTS in columns and form.has(LogField.CLIENT):
        counts.clients[TAB.join((slot, value(LogField.CLIENT)))] += 1
    if Columns.TIMES in columns and form.has(LogField.REQUEST_TIME):
        counts.times[TAB.join((slot, bucket_of(value(LogField.REQUEST_TIME))))] += 1
    if Columns.TIMES in columns and form.has(LogField.UPSTREAM) and form.has(LogField.UPSTREAM_TIME):
        took = bucket_of(value(LogField.UPSTREAM_TIME))
        counts.answers[TAB.join((slot, value(LogField.UPSTREAM), took))] += 1


# Clients choose many of the names in the tables: those stay small, with every request in them.

# The most keys that a table keeps over all pieces of a log; then the rarest are counted together.
KEYS_MAX = 200_000


class TooManyNames(ValueError):
    """No log holds as many: the node made them up."""


def add_bounded(counts: Counts, more: Counts) -> None:
    """Adds; what is rare in a table that has grown too big is added to its slot's others. Raises TooManyNames."""
    counts.add(more)
    _keep_top(counts.shapes, _other_shape)
    _keep_top(counts.paths, lambda key: TAB.join((*key.split(TAB)[:2], OTHERS)))
    _keep_top(counts.clients, lambda key: TAB.join((key.partition(TAB)[0], OTHERS)))
    if max(map(len, (counts.shapes, counts.sent, counts.times, counts.answers))) > 2 * KEYS_MAX:
        raise TooManyNames("the log's reader tells more times or backends than any log holds")


def _other_shape(key: str) -> str:
    """Methods and hosts are what clients make of them."""
    slot, status, *shape = key.split(TAB)
    return TAB.join((slot, status, OTHERS, OTHERS, *shape[-2:])) if len(shape) > 3 else key


def _keep_top(table: Counter[str], others: Callable[[str], str]) -> None:
    """`others` names the key to which what is rare is added: itself, if that is what it is."""
    limit = 1
    while len(table) > KEYS_MAX:
        rare = [key for key, number in table.items() if number <= limit and others(key) != key]
        for key in rare:
            table[others(key)] += table.pop(key)
        if not rare and limit > max(table.values()):
            return  # others alone: of so many slots
        limit *= 2
