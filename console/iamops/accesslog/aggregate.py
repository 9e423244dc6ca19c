"""Turns the tables that were counted from a log into numbers by time. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from iamops.accesslog.count import CountQuery, Counts, RequestShape, slot_rows, values
from iamops.accesslog.format import Escape, LogField, LogFormat
from iamops.accesslog.values import NO_TIME, NOTHING, attempts, bucket_of, bucket_start, slot_of, unescaped
from iamops.model.foreign import whole
from iamops.model.traffic import OTHERS, Backend, Traffic, class_of
from iamops.redact.clean import clean_text, without_secrets

# What nginx writes for an attempt that got no answer: refused or cut is 502, too late is 504.
UNANSWERED = (*NOTHING, "502", "504")


def tallied(counts: Counts, query: CountQuery) -> dict[int, Traffic]:
    """Slot (seconds since the epoch, NO_TIME for lines without a time) -> what was counted in it."""
    time_format, escape = query.log_format.time_format, query.log_format.escape
    known = {field for field in LogField if query.log_format.has(field)}
    found: defaultdict[int, Traffic] = defaultdict(Traffic)

    def at(slot: str) -> Traffic:
        return found[slot_of(slot, time_format, query.resolution) if slot else NO_TIME]

    def name(text: str) -> str:
        return text if text == OTHERS else _plain_name(text, escape)

    for slot, status, shape, number in counts.shape_rows():
        traffic = at(slot)
        traffic.statuses[status] += number
        if shape is None:
            continue
        if LogField.METHOD in known:
            traffic.methods[name(shape.method)] += number
        if LogField.HOST in known:
            traffic.hosts[(name(shape.host), class_of(status))] += number
        if shape.upstream not in NOTHING:
            _add_attempts(traffic, shape, number, statuses=LogField.UPSTREAM_STATUS in known)
    for slot, sent in counts.sent.items():
        at(slot).sent += sent
    for slot, status, path, number in counts.path_rows():
        at(slot).paths[(name(path), class_of(status))] += number
    for slot, client, number in slot_rows(counts.clients):
        at(slot).clients[(name(client), "")] += number
    for slot, took, number in slot_rows(counts.times):
        if (bucket := whole(took)) is not None:
            at(slot).latency.buckets[bucket_start(bucket)] += number
    for slot, upstream, took, number in counts.answer_rows():
        if upstream not in NOTHING:
            _add_answer_times(at(slot), upstream, took, number)
    return dict(found)


@lru_cache(maxsize=8192)
def _plain_name(text: str, escape: Escape) -> str:
    """A path may be a link that lets in everybody who has it."""
    return without_secrets(unescaped(text, escape))


def _add_attempts(traffic: Traffic, shape: RequestShape, number: int, *, statuses: bool) -> None:
    """Every attempt is its backend's, the failed ones too: nginx lists them in order."""
    names, answers = attempts(shape.upstream), attempts(shape.upstream_status)
    for name, status in zip(names, [*answers, *[""] * len(names)], strict=False):
        backend = traffic.backends.setdefault(name, Backend())
        backend.requests += number
        if statuses:
            backend.errors += number * (status in NOTHING or status.startswith("5"))
            backend.unanswered += number * (status in UNANSWERED)


def _add_answer_times(traffic: Traffic, upstream: str, took: str, number: int) -> None:
    names = attempts(upstream)
    buckets = [took] if len(names) == 1 else [bucket_of(time) for time in attempts(took)]
    for name, text in zip(names, buckets, strict=False):
        if (bucket := whole(text)) is not None:
            traffic.backends.setdefault(name, Backend()).latency.buckets[bucket_start(bucket)] += number


# Which backends access-log lines name: who was asked last for each request, and who was asked in vain.

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
    """Counts the backends in lines of a format that has LogField.UPSTREAM."""
    variable = form.fields[LogField.UPSTREAM]
    last: Counter[str] = Counter()
    in_vain: Counter[str] = Counter()
    unnamed = 0
    for line in lines:
        raw = values(form, line.decode("latin-1"), {variable}) or {}
        *before, final = attempts(raw.get(variable, ""))
        if final in NOTHING:
            unnamed += 1
            continue
        last[clean_text(final, NAME_MAX)] += 1
        in_vain.update(clean_text(name, NAME_MAX) for name in before)
    return UpstreamAttempts(last, in_vain, unnamed)
