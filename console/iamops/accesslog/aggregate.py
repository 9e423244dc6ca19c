"""Turns the tables that were counted from a log into numbers by time. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from iamops.accesslog.count import TAB, CountQuery, Counts, values
from iamops.accesslog.format import Escape, Field, LogFormat
from iamops.accesslog.values import NO_TIME, NOTHING, attempts, bucket_of, plain, slot_of, start_of
from iamops.model.foreign import whole
from iamops.model.traffic import OTHERS, Backend, Traffic, class_of
from iamops.redact.clean import without_secrets, words


def tallied(counts: Counts, recipe: CountQuery) -> dict[int, Traffic]:
    """Slot (seconds since the epoch, NO_TIME where a line does not tell) -> what was counted in it."""
    found: defaultdict[int, Traffic] = defaultdict(Traffic)
    words = _Words(recipe)
    for key, number in counts.shapes.items():
        slot, status, *shape = key.split(TAB)
        words.shape(found[words.slot(slot)], status, shape, number)
    for slot, sent in counts.sent.items():
        found[words.slot(slot)].sent += sent
    for key, number in counts.paths.items():
        slot, status, path = key.split(TAB, 2)
        found[words.slot(slot)].paths[(words.name(path), class_of(status))] += number
    for key, number in counts.clients.items():
        slot, client = key.split(TAB, 1)
        found[words.slot(slot)].clients[(words.name(client), "")] += number
    for key, number in counts.times.items():
        slot, said = key.split(TAB, 1)
        if (bucket := whole(said)) is not None:
            found[words.slot(slot)].latency.buckets[start_of(bucket)] += number
    for key, number in counts.answers.items():
        slot, rest = key.split(TAB, 1)
        words.answers(found[words.slot(slot)], rest, number)
    return dict(found)


@lru_cache(maxsize=8192)
def _named(text: str, escape: Escape) -> str:
    """A path may be a link that lets in whoever has it."""
    return without_secrets(plain(text, escape))


# What nginx writes for an attempt that got no answer: refused or cut is 502, too late is 504.
UNANSWERED = (*NOTHING, "502", "504")


class _Words:
    """What stands in a key, as numbers and names."""

    def __init__(self, recipe: CountQuery) -> None:
        self._clock = recipe.form.clock
        self._grain = recipe.resolution
        self._escape: Escape = recipe.form.escape
        self._tells = {field for field in Field if recipe.form.has(field)}

    def slot(self, text: str) -> int:
        return slot_of(text, self._clock, self._grain) if text else NO_TIME

    def name(self, text: str) -> str:
        return text if text == OTHERS else _named(text, self._escape)

    def shape(self, traffic: Traffic, status: str, shape: list[str], number: int) -> None:
        traffic.statuses[status] += number
        if len(shape) < 4:
            return
        method, *host, upstream, answers = shape
        if Field.METHOD in self._tells:
            traffic.methods[self.name(method)] += number
        if Field.HOST in self._tells:
            traffic.hosts[(self.name(TAB.join(host)), class_of(status))] += number
        if upstream not in NOTHING:
            self._attempts(traffic, upstream, answers, number)

    def _attempts(self, traffic: Traffic, upstream: str, answers: str, number: int) -> None:
        """Every attempt is its backend's, the failed ones too: nginx lists them in order."""
        names, statuses = attempts(upstream), attempts(answers)
        for name, status in zip(names, [*statuses, *[""] * len(names)], strict=False):
            backend = traffic.backends.setdefault(name, Backend())
            backend.requests += number
            if Field.UPSTREAM_STATUS not in self._tells:
                continue
            if status in NOTHING or status.startswith("5"):
                backend.errors += number
            if status in UNANSWERED:
                backend.unanswered += number

    def answers(self, traffic: Traffic, text: str, number: int) -> None:
        upstream, _, took = text.rpartition(TAB)
        if upstream in NOTHING:
            return
        names = attempts(upstream)
        told = [took] if len(names) == 1 else [bucket_of(word) for word in attempts(took)]
        for name, said in zip(names, told, strict=False):
            if (bucket := whole(said)) is not None:
                traffic.backends.setdefault(name, Backend()).latency.buckets[start_of(bucket)] += number


# Which backends access-log lines name: who was asked last for each request, and who was asked in vain. Pure.

NAME_MAX = 120


@dataclass(frozen=True, slots=True)
class UpstreamAttempts:
    """Address -> requests, as nginx writes it.

    `last` was asked last for a request: it answered, or nobody did. `in_vain` was given up for another one
    before. `unnamed` are lines that name nobody, or are not in the format.
    """

    last: Counter[str] = field(default_factory=Counter)
    in_vain: Counter[str] = field(default_factory=Counter)
    unnamed: int = 0


def upstream_attempts(form: LogFormat, lines: Iterable[bytes]) -> UpstreamAttempts:
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
    return UpstreamAttempts(last, in_vain, unnamed)
