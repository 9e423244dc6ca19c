"""Turns the tables that were counted from a log into numbers by time, and keeps a day of them. Pure.

Slots are seconds since the epoch by the nodes' logs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from iamops.accesslog.count import CountQuery, Counts, RequestShape, slot_rows, values
from iamops.accesslog.format import Escape, LogField, LogFormat
from iamops.accesslog.values import NO_TIME, NOTHING, attempts, bucket_of, bucket_start, slot_of, unescaped
from iamops.model.foreign import whole
from iamops.model.traffic import OTHERS, Backend, Traffic, class_of, merged
from iamops.redact.clean import clean_text, without_secrets

# What nginx writes for an attempt that got no answer: refused or cut is 502, too late is 504.
UNANSWERED = (*NOTHING, "502", "504")
CLIENT_CLOSED = "499"


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
            _add_attempts(traffic, status, shape, number, statuses=LogField.UPSTREAM_STATUS in known)
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


def _add_attempts(traffic: Traffic, status: str, shape: RequestShape, number: int, *, statuses: bool) -> None:
    """Every attempt is its backend's, the failed ones too: nginx lists them in order.

    The last one has no status where the client went away before the answer: that is not its backend's error.
    """
    names, answers = attempts(shape.upstream), attempts(shape.upstream_status)
    for at, (name, answer) in enumerate(zip(names, [*answers, *[""] * len(names)], strict=False), start=1):
        if name in NOTHING:  # an internal redirect that asked nobody
            continue
        backend = traffic.backends.setdefault(name, Backend())
        backend.requests += number
        given_up = status == CLIENT_CLOSED and at == len(names) and answer in NOTHING
        if statuses and not given_up:
            backend.errors += number * (answer in NOTHING or answer.startswith("5"))
            backend.unanswered += number * (answer in UNANSWERED)


def _add_answer_times(traffic: Traffic, upstream: str, took: str, number: int) -> None:
    names = attempts(upstream)
    buckets = [took] if len(names) == 1 else [bucket_of(time) for time in attempts(took)]
    for name, text in zip(names, buckets, strict=False):
        if name not in NOTHING and (bucket := whole(text)) is not None:
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
        asked = [name for name in attempts(raw.get(variable, "")) if name not in NOTHING]
        if not asked:
            unnamed += 1
            continue
        *before, final = asked
        last[clean_text(final, NAME_MAX)] += 1
        in_vain.update(clean_text(name, NAME_MAX) for name in before)
    return UpstreamAttempts(last, in_vain, unnamed)


# --- the counts of every node over the last day: fine for the last hour, by the minute before. Not part of the
# state: it is too big to be replaced with every event; it is only added to. ---

FINE_S = 10
COARSE_S = 60
HOUR_S = 3600
DAY_S = 86400
# A node's clock may be so far ahead of ours.
AHEAD_S = 60
TOP_FINE = 100
TOP_COARSE = 20
WINDOWS_S: Mapping[str, int] = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600}


@dataclass(frozen=True, slots=True)
class TimeSeriesPoint:
    """A slot of a series: when it begins, how long it is, and its counts."""

    at: int
    span_s: int
    total: int
    by_class: Mapping[str, int]


class TrafficTimeSeries:
    """One series for all nodes. `now` is in seconds since the epoch."""

    def __init__(self) -> None:
        self._slots: dict[str, dict[int, Traffic]] = {}

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(self._slots)

    def add(self, node: str, parts: Mapping[int, Traffic], now: float) -> None:
        """Adds what is no older than a day. What has no time, or a future one, belongs to now."""
        slots = self._slots.setdefault(node, {})
        for at, traffic in parts.items():
            start = _slot(now if at < 0 or at > now + AHEAD_S else at, now)
            if start <= now - DAY_S:
                continue
            _add(slots, start, traffic, TOP_FINE if start > now - HOUR_S else TOP_COARSE)
        # What is over an hour old is kept by the minute, what is over a day old not at all.
        for at in sorted(slots):
            if at > now - HOUR_S - COARSE_S:
                break
            if at <= now - DAY_S:
                del slots[at]
            elif at % COARSE_S:
                _add(slots, at // COARSE_S * COARSE_S, slots.pop(at), TOP_COARSE)

    def window(self, span_s: int, now: float, node: str | None = None) -> Traffic:
        """The last `span_s` seconds, of one node or of all."""
        return merged(traffic for _, traffic in self.slots(span_s, now, node))

    def since(self, span_s: int, now: float) -> int:
        """When the window begins: always with a full slot, so that the counts are exact."""
        return _slot(now - span_s, now)

    def series(
        self, span_s: int, now: float, node: str | None = None, points: int = 60
    ) -> tuple[TimeSeriesPoint, ...]:
        """The window as at most `points` points, oldest first; a slot without requests is a point of 0."""
        fine = FINE_S if span_s <= HOUR_S else COARSE_S
        step = max(fine, -(-span_s // points // fine) * fine)
        end = int(now) // step * step + step
        begin = end - -(-span_s // step) * step
        cells = {at: Traffic() for at in range(begin, end, step)}
        for at, traffic in self.slots(end - begin, now, node):
            if (cell := cells.get(at // step * step)) is not None:
                cell.statuses.update(traffic.statuses)
        return tuple(TimeSeriesPoint(at, step, cell.total, cell.classes) for at, cell in cells.items())

    def slots(self, span_s: int, now: float, node: str | None = None) -> Iterator[tuple[int, Traffic]]:
        """The slots of the window: when each begins, and its counts, which are only to be read."""
        begin = self.since(span_s, now)
        for name in self._slots if node is None else (node,):
            for at, traffic in self._slots.get(name, {}).items():
                if at >= begin:
                    yield at, traffic


def _add(slots: dict[int, Traffic], at: int, traffic: Traffic, top: int) -> None:
    slot = slots.setdefault(at, Traffic())
    slot.add(traffic)
    slot.keep_top(top)


def _slot(at: float, now: float) -> int:
    size = FINE_S if at > now - HOUR_S - COARSE_S else COARSE_S
    return int(at // size * size)
