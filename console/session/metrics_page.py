"""The metrics of one cluster as a page, in the format the reader prefers; counters only ever grow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from console.judge.findings import Finding
from console.model.observed import Freshness
from console.model.state import ClusterState
from console.render.exposition import CLASSIC, OPENMETRICS, Family, Kind, Sample, classic, openmetrics
from console.render.metrics import families

Look = Callable[[], tuple[ClusterState, Iterable[Finding], float]]
"""The state, what the rules say of it, and the time."""

_Key = tuple[str, tuple[tuple[str, str], ...]]


class Ratchet:
    """Keeps counters from going backwards: one that begins anew goes on from where it was.

    A node's count starts over when its log is read from the beginning; who computes a rate from it must
    not see a fall.
    """

    def __init__(self) -> None:
        self._before: dict[_Key, float] = {}
        self._base: dict[_Key, float] = {}

    def steady(self, found: Iterable[Family]) -> tuple[Family, ...]:
        return tuple(self._family(each) if each.kind is Kind.COUNTER else each for each in found)

    def _family(self, family: Family) -> Family:
        return replace(family, samples=tuple(self._sample(family.name, each) for each in family.samples))

    def _sample(self, name: str, sample: Sample) -> Sample:
        key = (name, tuple(sample.labels.items()))
        before = self._before.get(key, 0.0)
        if sample.value < before:
            self._base[key] = self._base.get(key, 0.0) + before
        self._before[key] = sample.value
        return replace(sample, value=self._base.get(key, 0.0) + sample.value)


class MetricsPage:
    """Renders the page whenever it is asked for; between two times nothing is computed."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._ratchet = Ratchet()

    def page(self, accept: str = "") -> tuple[str, bytes]:
        """Content type and body."""
        state, findings, now = self._look()
        found = self._ratchet.steady(families(state, findings, now))
        if wants_classic(accept):
            return CLASSIC, classic(found).encode()
        return OPENMETRICS, openmetrics(found).encode()

    def health(self) -> tuple[bool, str]:
        """Whether any node is heard at all, in words too."""
        state, _, now = self._look()
        live = [node.name for node in state.nodes.values() if node.freshness(now) is Freshness.LIVE]
        return bool(live), f"live: {', '.join(live)}" if live else "no node is heard"


def wants_classic(accept: str) -> bool:
    """Whether an Accept header prefers the older format; OpenMetrics where it says nothing of either."""
    wishes = _wishes(accept)
    modern = _wish(wishes, "application/openmetrics-text", "application/*")
    return _wish(wishes, "text/plain", "text/*") > modern


def _wish(wishes: dict[str, float], *names: str) -> float:
    """The most specific entry counts (RFC 9110 section 12.5.1)."""
    return next((wishes[name] for name in (*names, "*/*") if name in wishes), 0.0)


def _wishes(accept: str) -> dict[str, float]:
    """Media type -> weight. Several entries of one type differ in parameters: the best counts."""
    wishes: dict[str, float] = {}
    for entry in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in entry.split(";"))
        weight = next((_weight(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        wishes[kind] = max(weight, wishes.get(kind, 0.0))
    return wishes


def _weight(text: str) -> float:
    """A weight that is none makes the entry worthless."""
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0
