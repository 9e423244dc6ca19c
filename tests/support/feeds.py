"""Counts that stand still until a test adds to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from iamops.accesslog.aggregate import TrafficTimeSeries
from iamops.accesslog.filter import where
from iamops.accesslog.format import LogFormat, named_format
from iamops.model.traffic import Backend, Latency, LogTotals, Traffic, class_of

NOW = 1_760_000_000.0
A, B = "iam-a", "iam-b"
API, AUTHZ = "iam.api.marmotedu.com", "iam.authz.marmotedu.com"
PATHS = (
    ("GET", "/v1/users/:id", API, 40),
    ("POST", "/v1/authz", AUTHZ, 30),
    ("GET", "/v1/secrets", API, 12),
    ("POST", "/login", API, 9),
    ("GET", "/v1/policies/:id", API, 6),
    ("DELETE", "/v1/users/:id/secrets/:id", API, 2),
    ("GET", "/healthz", API, 1),
)
BACKENDS = {
    API: ("10.0.4.20:8080", "10.0.4.21:8080"),
    AUTHZ: ("10.0.4.20:9090", "10.0.4.21:9090"),
}


class FixedFeed:
    """A feed that only a test fills: `all`, and `filtered` for any filter. `filters` are those it was given."""

    def __init__(self, form: str = "iamops") -> None:
        self.all = TrafficTimeSeries()
        self.filtered = TrafficTimeSeries()
        self.form: LogFormat = named_format(form)
        self.where = ""
        self.filters: list[str] = []
        self.sums: dict[str, LogTotals] = {}
        self.unread_because: dict[str, str] = {}
        self.watchers: list[Callable[[], None]] = []

    def watch(self, on_change: Callable[[], None]) -> Callable[[], None]:
        self.watchers.append(on_change)
        return lambda: self.watchers.remove(on_change)

    @property
    def series(self) -> TrafficTimeSeries:
        return self.filtered if self.where else self.all

    def filter(self, expression: str) -> None:
        self.where = where(expression).text.strip()
        self.filters.append(self.where)

    def totals(self, node: str) -> LogTotals:
        return self.sums.get(node, LogTotals())

    def unreadable(self, node: str) -> str:
        return self.unread_because.get(node, "")


def slot(number: int, *, failing: bool = False, slow: int = 1, form: str = "iamops") -> Traffic:
    """Ten seconds of about `number` requests; `failing`: what the first API backend is asked for."""
    found = Traffic()
    for n, (method, path, host, weight) in enumerate(PATHS):
        requests = number * weight // 100
        bad = requests // 2 if failing and host == API else 0
        _count(found, (method, path, host), {"200": requests - bad, "502": bad}, form)
        _answers(found, host, requests, bad, (4 + 3 * n) * slow, form)
    found.statuses.update({"404": number // 50, "304": number // 25, "499": number // 120})
    for n, client in enumerate(("10.0.4.1", "192.0.2.17", "198.51.100.4")):
        found.clients[(client, "")] += found.total * (6 - 2 * n) // 12
    found.sent = found.total * 1410
    return found


def _count(found: Traffic, what: tuple[str, str, str], answers: dict[str, int], form: str) -> None:
    method, path, host = what
    for status, number in answers.items():
        if number:
            found.statuses[status] += number
            found.methods[method] += number
            found.paths[(path, class_of(status))] += number
            if form == "iamops":
                found.hosts[(host, class_of(status))] += number


def _answers(found: Traffic, host: str, requests: int, bad: int, took_ms: int, form: str) -> None:
    if form != "iamops":
        return
    first, second = BACKENDS[host]
    found.latency.add(Latency(Counter({took_ms: requests - requests // 10, took_ms * 5: requests // 10})))
    for name, errors, number in ((first, bad, requests - requests // 2), (second, 0, requests // 2)):
        times = Latency(Counter({took_ms: number - number // 20, took_ms * 8: number // 20}))
        found.backends.setdefault(name, Backend()).add(Backend(number, errors, times))


def only_failed(traffic: Traffic) -> Traffic:
    """What `status>=500 path~^/v1/` leaves of a slot."""
    paths = {key: n for key, n in traffic.paths.items() if key[1] == "5xx" and key[0].startswith("/v1/")}
    number = sum(paths.values())
    kept = Traffic(statuses=Counter({"502": number}), methods=Counter(GET=number), paths=Counter(paths))
    kept.hosts[(API, "5xx")] = kept.clients[("192.0.2.17", "")] = number
    if number:
        kept.latency = Latency(Counter({12: number}))
        kept.backends = {BACKENDS[API][0]: Backend(number, number, Latency(Counter({12: number})))}
    return kept


def busy(
    form: str = "iamops", *, moved_s: int = 240, span_s: int = 3600, nodes: tuple[str, ...] = (A, B)
) -> FixedFeed:
    """An hour of the nodes: the VIP goes from iam-a to iam-b, and for a minute before that much fails."""
    feed = FixedFeed(form)
    for node in nodes:
        parts = {}
        for ago in range(span_s, 0, -10):
            owner = A if ago > moved_s else B
            wave = (ago // 10 * 7) % 23 + (30 if ago % 400 < 140 else 0)
            number = 120 + wave if node == owner else 14 + wave // 8
            failing = node == A and moved_s < ago <= moved_s + 70
            parts[int(NOW) - ago] = slot(number, failing=failing, slow=4 if failing else 1, form=form)
        feed.all.add(node, parts, NOW)
        feed.filtered.add(node, {at: only_failed(traffic) for at, traffic in parts.items()}, NOW)
        feed.sums[node] = LogTotals(probes=40)
    return feed
