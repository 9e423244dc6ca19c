"""The requests of a span of time, by the access logs: numbers that can be added up, in bounded memory.

Units: times in milliseconds, sizes in bytes. Everything is counted, nothing sampled; only the tables of what
clients name as they please are cut, and then what is cut stays in their sum, under OTHERS.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

# What a cut table no longer names.
OTHERS = "\x7f"
TOP = 200


@dataclass(slots=True)
class Latency:
    """Answer times in buckets no wider than a 64th of their value: `buckets` start (ms) -> how many."""

    buckets: Counter[int] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        return self.buckets.total()

    def quantile(self, share: float) -> float | None:
        """The time that this share of all answers did not exceed, in ms; None without answers."""
        wanted = share * self.count
        seen = 0
        for start in sorted(self.buckets):
            seen += self.buckets[start]
            if seen >= wanted:
                return start + width_of(start) / 2 if start >= 128 else float(start)
        return None

    def add(self, other: Latency) -> None:
        self.buckets.update(other.buckets)


def width_of(start: int) -> int:
    return int(2 ** max(0, start.bit_length() - 7))


@dataclass(slots=True)
class Backend:
    """What one backend was asked: `errors` are 5xx and attempts without an answer; `latency` is its own time.

    `unanswered`: attempts without an answer of its own, which nginx writes down as its 502 or 504.
    """

    requests: int = 0
    errors: int = 0
    latency: Latency = field(default_factory=Latency)
    unanswered: int = 0

    def add(self, other: Backend) -> None:
        self.requests += other.requests
        self.errors += other.errors
        self.unanswered += other.unanswered
        self.latency.add(other.latency)


@dataclass(slots=True)
class Traffic:
    """Requests of one span of time. `hosts`, `paths` and `clients` map a name to its counts by status class.

    `clients` have the class "" because nobody asks for it.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    hosts: Counter[tuple[str, str]] = field(default_factory=Counter)
    paths: Counter[tuple[str, str]] = field(default_factory=Counter)
    clients: Counter[tuple[str, str]] = field(default_factory=Counter)
    backends: dict[str, Backend] = field(default_factory=dict)
    latency: Latency = field(default_factory=Latency)
    sent: int = 0

    @property
    def total(self) -> int:
        return self.statuses.total()

    @property
    def errors(self) -> int:
        """Answers of class 5xx."""
        return self.of_class("5xx")

    @property
    def client_closed(self) -> int:
        """Clients that did not wait for the answer (nginx's 499)."""
        return self.statuses["499"]

    @property
    def classes(self) -> dict[str, int]:
        """Counts by status class, `2xx` and so on."""
        found: Counter[str] = Counter()
        for status, number in self.statuses.items():
            found[class_of(status)] += number
        return dict(sorted(found.items()))

    def of_class(self, name: str) -> int:
        return sum(number for status, number in self.statuses.items() if class_of(status) == name)

    def add(self, other: Traffic) -> None:
        self.statuses.update(other.statuses)
        self.methods.update(other.methods)
        self.hosts.update(other.hosts)
        self.paths.update(other.paths)
        self.clients.update(other.clients)
        for name, backend in other.backends.items():
            self.backends.setdefault(name, Backend()).add(backend)
        self.latency.add(other.latency)
        self.sent += other.sent

    def keep_top(self, top: int = TOP) -> None:
        """Keeps the most frequent names of each table and counts the others together."""
        methods = _squeezed(Counter({(name, ""): number for name, number in self.methods.items()}), top)
        self.methods = Counter({name: number for (name, _), number in methods.items()})
        self.hosts = _squeezed(self.hosts, top)
        self.paths = _squeezed(self.paths, top)
        self.clients = _squeezed(self.clients, top)
        if len(self.backends) > top + 1:
            ordered = sorted(self.backends, key=lambda name: (name == OTHERS, -self.backends[name].requests, name))
            for name in ordered[top:]:
                backend = self.backends.pop(name)
                self.backends.setdefault(OTHERS, Backend()).add(backend)


@dataclass(frozen=True, slots=True)
class LogTotals:
    """What was read of one node's log beside the requests themselves.

    `probes` of the requests say that they are health checks of the console, which anybody can say; `unparsed` are
    lines that are not in the format, `left_out` those that the filter leaves out; `lost` says how often lines were
    rotated away before they could be read.
    """

    probes: int = 0
    unparsed: int = 0
    left_out: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class NamedCount:
    """A name in a table: how many requests, and how many of them ended in 5xx."""

    name: str
    total: int
    errors: int


def named_counts(table: Mapping[tuple[str, str], int]) -> tuple[NamedCount, ...]:
    """A table by name, the most frequent first; what it no longer names comes last."""
    totals: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for (name, kind), number in table.items():
        totals[name] += number
        errors[name] += number if kind == "5xx" else 0
    ordered = sorted(totals, key=lambda name: (name == OTHERS, -totals[name], name))
    return tuple(NamedCount(name, totals[name], errors[name]) for name in ordered)


def merged(parts: Iterable[Traffic]) -> Traffic:
    whole = Traffic()
    for part in parts:
        whole.add(part)
    return whole


def class_of(status: str) -> str:
    return f"{status[:1]}xx"


def _squeezed(table: Counter[tuple[str, str]], top: int) -> Counter[tuple[str, str]]:
    names = [row.name for row in named_counts(table)]
    if len(names) <= top + 1:
        return table
    kept = set(names[:top])
    found: Counter[tuple[str, str]] = Counter()
    for (name, kind), number in table.items():
        found[(name if name in kept else OTHERS, kind)] += number
    return found


@dataclass(frozen=True, slots=True)
class Share:
    """What one backend's log says; `reason` where it could not be read."""

    requests: int | None
    others: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AccessMark:
    """Where the access log ended; `reason` where that is not known."""

    inode: int = 0
    size: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AccessGain:
    """The lines with the token, without their newlines; None with the reason where they could not be read.

    `between`: the lines of others between the first and the last of them; None where they were too many.
    """

    lines: tuple[bytes, ...] | None
    reason: str = ""
    between: tuple[bytes, ...] | None = ()


@dataclass(frozen=True, slots=True)
class NodeCount:
    """What one node's logs hold, by slot (seconds since the epoch); or why that is not known."""

    slots: Mapping[int, Traffic]
    totals: LogTotals
    reason: str = ""


# Counts between two samples: what was counted late was written all along; what nobody counted is unknown.

CountSamples = Sequence[tuple[float, int]]
"""(at, total) pairs, oldest first."""
# Counts come every second, or every ten where only our own probes are new; a longer silence is a hole.
HOLE_S = 15.0


def count_at(samples: CountSamples, times: Sequence[float], at: float) -> float | None:
    """The count at a time: between two samples the lines are taken to have been written evenly.

    None before the first sample, and inside a hole. `times` are the samples' own.
    """
    place = bisect_right(times, at)
    if not place:
        return None
    before_at, before = samples[place - 1]
    if place == len(samples):
        return before
    after_at, after = samples[place]
    if after_at - before_at > HOLE_S:
        return before if at == before_at else None
    return before + (after - before) * (at - before_at) / (after_at - before_at)


def mean_rate(samples: CountSamples, now: float, window_s: float) -> float | None:
    """Mean per second over the window, or over what of it is behind the last hole; None: that is too little."""
    times = [at for at, _ in samples]
    if not samples:
        return None
    begins = max(now - window_s, times[0])
    holes = (after for before, after in itertools.pairwise(times) if after - before > HOLE_S)
    begins = max([begins, *(after for after in holes if now >= after > begins)])
    first, last = count_at(samples, times, begins), count_at(samples, times, now)
    if first is None or last is None or now - begins < 0.5:
        return None
    return max(0.0, last - first) / (now - begins)
