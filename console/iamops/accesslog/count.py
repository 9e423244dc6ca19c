"""Counts access-log lines here, and reads what a node's awk has counted: the same tables from both. Pure.

A key is a text of its parts with tabs between them, as they stand in the log.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Flag, auto
from functools import lru_cache

from iamops.accesslog.extract import Cut, ExtractStep, Tokens, steps, taken
from iamops.accesslog.filter import EVERYTHING, Where
from iamops.accesslog.format import ESCAPE, ESCAPED, QUOTE, Escape, Field, LogFormat
from iamops.accesslog.values import VALUE_MAX, Resolution, bucket_of, pattern_of, slot_text
from iamops.model.traffic import OTHERS

PROBE_AGENT = "iamops-probe"
PROBE_MARK = f"{PROBE_AGENT}/"
TAB = "\t"
# In a line of more bytes than this, values are cut to so many.
LONG_LINE = 600
# What becomes part of a key as it stands in the line.
KEPT = (
    Field.METHOD,
    Field.HOST,
    Field.CLIENT,
    Field.REQUEST_TIME,
    Field.UPSTREAM,
    Field.UPSTREAM_STATUS,
    Field.UPSTREAM_TIME,
)
_STATUS = re.compile(r"[0-9][0-9][0-9]", re.ASCII)
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


@dataclass(frozen=True, slots=True)
class CountQuery:
    """How lines are counted. `where` leaves out lines; `grain` is how finely they are counted over time."""

    form: LogFormat
    columns: Columns = FULL
    where: Where = EVERYTHING
    resolution: Resolution = Resolution.MINUTE

    @property
    def needed(self) -> frozenset[Field]:
        """The fields that must be taken out of a line, as far as the format has them."""
        wanted = {Field.STATUS, Field.AGENT, *self.where.fields}
        if Columns.TIME in self.columns:
            wanted.add(Field.TIME)
        if Columns.SHAPE in self.columns:
            wanted |= {Field.METHOD, Field.HOST, Field.UPSTREAM, Field.UPSTREAM_STATUS, Field.BYTES}
        if Columns.PATHS in self.columns:
            wanted.add(Field.PATH)
        if Columns.CLIENTS in self.columns:
            wanted.add(Field.CLIENT)
        if Columns.TIMES in self.columns:
            wanted |= {Field.REQUEST_TIME, Field.UPSTREAM, Field.UPSTREAM_TIME}
        return frozenset(field for field in wanted if self.form.has(field))

    @property
    def variables(self) -> dict[str, frozenset[Field]]:
        """variable -> the fields that it tells, of those that are needed."""
        found: dict[str, set[Field]] = {}
        for each in self.needed:
            name = self.form.fields.get(each) or self.form.fields[Field.REQUEST]
            found.setdefault(name, set()).add(each)
        return {name: frozenset(fields) for name, fields in found.items()}


@dataclass(slots=True)
class Counts:
    """What was counted. Keys: `shapes` slot, status, method, host, upstream, its status; `paths` slot,
    status, pattern; `clients` slot, client; `times` slot, request time; `answers` slot, upstream, its time.
    Times are buckets (`log_words.bucket_of`).

    `sent` are bytes by slot. `probes` of the counted requests say that they are health checks of the console:
    anybody can say that. `unparsed` are lines that are not in the format, `left_out` those that the expression
    leaves out: in no table.
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
        self.shapes.update(other.shapes)
        self.sent.update(other.sent)
        self.paths.update(other.paths)
        self.clients.update(other.clients)
        self.times.update(other.times)
        self.answers.update(other.answers)
        self.probes += other.probes
        self.unparsed += other.unparsed
        self.left_out += other.left_out


def counted(recipe: CountQuery, lines: Iterable[bytes]) -> Counts:
    """Counts complete lines, given without their newlines."""
    found = Counts()
    for line in lines:
        _count(recipe, line.decode("latin-1"), found)
    return found


def _count(recipe: CountQuery, line: str, found: Counts) -> None:
    raw = values(recipe.form, line, recipe.variables)
    told = told_of(recipe, raw) if raw is not None else {}
    if not _STATUS.fullmatch(told.get(Field.STATUS, "")):
        found.unparsed += 1
        return
    if not recipe.where.matches(told):
        found.left_out += 1
        return
    found.probes += told.get(Field.AGENT, "").startswith(PROBE_MARK)
    if len(line) > LONG_LINE:
        told |= {each: told[each][:VALUE_MAX] for each in KEPT if each in told}
    _tables(recipe, told, found)


def _tables(recipe: CountQuery, told: dict[Field, str], found: Counts) -> None:
    want, form, status = recipe.columns, recipe.form, told[Field.STATUS]
    slot = slot_text(told.get(Field.TIME, ""), form.clock, recipe.resolution) if Columns.TIME in want else ""
    if TAB in slot:
        slot = ""
    shape = [slot, status]
    if Columns.SHAPE in want:
        parts = (Field.METHOD, Field.HOST, Field.UPSTREAM, Field.UPSTREAM_STATUS)
        shape += [told.get(each, "") for each in parts]
    key = TAB.join(shape)
    found.shapes[key] += 1
    if Columns.SHAPE in want and _BYTES.fullmatch(told.get(Field.BYTES, "")):
        found.sent[slot] += int(told[Field.BYTES])
    if Columns.PATHS in want and form.has(Field.PATH):
        found.paths[TAB.join((slot, status, pattern_of(told.get(Field.PATH, ""))))] += 1
    if Columns.CLIENTS in want and form.has(Field.CLIENT):
        found.clients[TAB.join((slot, told.get(Field.CLIENT, "")))] += 1
    if Columns.TIMES in want and form.has(Field.REQUEST_TIME):
        found.times[TAB.join((slot, bucket_of(told.get(Field.REQUEST_TIME, ""))))] += 1
    if Columns.TIMES in want and form.has(Field.UPSTREAM) and form.has(Field.UPSTREAM_TIME):
        answer = told.get(Field.UPSTREAM, ""), bucket_of(told.get(Field.UPSTREAM_TIME, ""))
        found.answers[TAB.join((slot, *answer))] += 1


def told_of(recipe: CountQuery, raw: dict[str, str]) -> dict[Field, str]:
    """The needed fields, out of the variables' values."""
    told: dict[Field, str] = {}
    for name, fields in recipe.variables.items():
        value = raw.get(name, "")
        for each in fields:
            told[each] = value
        if name == recipe.form.fields.get(Field.REQUEST):
            told |= _of_request(value, fields)
    if Field.PATH in told:
        told[Field.PATH] = told[Field.PATH].partition("?")[0]
    return told


def _of_request(request: str, fields: frozenset[Field]) -> dict[Field, str]:
    """Method and path of a request line; both empty where it is none."""
    method, space, rest = request.partition(" ")
    told = {Field.METHOD: method if space else "", Field.PATH: rest.partition(" ")[0]}
    return {each: text for each, text in told.items() if each in fields}


def values(form: LogFormat, line: str, wanted: Iterable[str]) -> dict[str, str] | None:
    """The values of some variables as they stand in the line; None if the line is not in the format."""
    if form.escape is Escape.JSON and ESCAPE in line:
        line = line.replace(ESCAPE + ESCAPE, ESCAPED[0]).replace(ESCAPE + QUOTE, ESCAPED[1])
    pieces = line.split(QUOTE)
    if len(pieces) != len(form.segments):
        return None
    found: dict[str, str] = {}
    for plan, piece in zip(_plans(form.segments, frozenset(wanted)), pieces, strict=True):
        found |= taken(piece, plan)
    return found


@lru_cache(maxsize=64)
def _plans(segments: tuple[Tokens, ...], wanted: frozenset[str]) -> tuple[tuple[ExtractStep | Cut, ...], ...]:
    return tuple(steps(tokens, wanted) for tokens in segments)


# Keeps tables of what clients name as they like small, with every request in them. Pure.

# So many different keys are kept of a table over all pieces of a log; then the rarest are counted together.
KEYS_MAX = 200_000


class TooManyNames(ValueError):
    """No log says that: the node does."""


def add_bounded(counts: Counts, more: Counts) -> None:
    """Adds; what is rare in a table that has grown too big is added to its slot's others. Raises TooManyNames."""
    counts.add(more)
    keep_top(counts.shapes, _of_shape)
    keep_top(counts.paths, _of_path)
    keep_top(counts.clients, _of_client)
    if max(map(len, (counts.shapes, counts.sent, counts.times, counts.answers))) > 2 * KEYS_MAX:
        raise TooManyNames("the log's reader tells more times or backends than any log holds")


def keep_top(table: Counter[str], others: Callable[[str], str], most: int | None = None) -> None:
    """`others` names the key to which what is rare is added: itself, if that is what it is."""
    limit, most = 1, KEYS_MAX if most is None else most
    while len(table) > most:
        rare = [key for key, number in table.items() if number <= limit and others(key) != key]
        for key in rare:
            table[others(key)] += table.pop(key)
        if not rare and limit > max(table.values()):
            return  # others alone: of so many slots
        limit *= 2


def _of_path(key: str) -> str:
    slot, status, _ = key.split(TAB, 2)
    return TAB.join((slot, status, OTHERS))


def _of_client(key: str) -> str:
    return TAB.join((key.partition(TAB)[0], OTHERS))


def _of_shape(key: str) -> str:
    """Methods and hosts are what clients make of them."""
    slot, status, *shape = key.split(TAB)
    return TAB.join((slot, status, OTHERS, OTHERS, *shape[-2:])) if len(shape) > 3 else key
