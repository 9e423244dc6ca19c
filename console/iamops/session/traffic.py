"""What the console knows of the traffic: one tally of everything, and one of what a filter lets through."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial

from iamops.accesslog.aggregate import tallied
from iamops.accesslog.count import FULL, CountQuery, Counts
from iamops.accesslog.filter import where
from iamops.accesslog.format import LogFormat, named_format
from iamops.accesslog.timeseries import TrafficTimeSeries
from iamops.accesslog.values import Resolution
from iamops.model.profile import Profile
from iamops.model.traffic import LogTotals
from iamops.nodes.logs.counter import HISTORY_S, AccessLog, AccessLogCounter
from iamops.nodes.transport import Transport

RETRY_S = 2.0


class _TrafficTally:
    """A time series, and the sums of what it has no place for, by node."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.series = TrafficTimeSeries()
        self.sums: dict[str, Counts] = {}
        self._now = now

    def add(self, node: str, counts: Counts, query: CountQuery) -> None:
        sums = self.sums.setdefault(node, Counts())
        sums.probes += counts.probes
        sums.unparsed += counts.unparsed
        sums.left_out += counts.left_out
        self.series.add(node, tallied(counts, query), self._now())


class TrafficFeed:
    """Fed by the nodes' own collectors; a filter has readers of its own, so that nothing else is filtered.

    Raises FormatError for a log format from which nothing can be counted.
    """

    def __init__(
        self,
        profile: Profile,
        transport: Callable[[str], Transport | None],
        now: Callable[[], float],
        on_counted: Callable[[str], None],
    ) -> None:
        self.form: LogFormat = named_format(profile.logs.format)
        self.where = ""
        self._profile, self._transport, self._now, self._on_counted = profile, transport, now, on_counted
        self._all, self._filtered = _TrafficTally(now), _TrafficTally(now)
        self._logs = {
            name: AccessLog(profile.logs.access, profile.logs.format, partial(self._all.add, name), now)
            for name in profile.nodes
        }
        self._counters: dict[str, AccessLogCounter] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def access_log(self, node: str) -> AccessLog:
        return self._logs[node]

    @property
    def series(self) -> TrafficTimeSeries:
        """What the filter lets through; everything without one."""
        return (self._filtered if self.where else self._all).series

    def filter(self, expression: str) -> None:
        """Counts anew with another expression, the last hour included. Raises WhereError."""
        chosen = where(expression)
        self._end_filter()
        self.where = chosen.text.strip()
        if not self.where:
            return
        self._filtered = _TrafficTally(self._now)
        query = CountQuery(self.form, FULL, chosen, Resolution.TEN_SECONDS)
        for name in filter(chosen.allows_node, self._profile.nodes):
            add = partial(self._filtered.add, name)
            self._counters[name] = AccessLogCounter(
                self._profile.logs.access, query, add, history_s=HISTORY_S, clock=self._now
            )
            self._tasks.append(asyncio.create_task(self._keep(name), name=f"filter {name}"))

    def totals(self, node: str) -> LogTotals:
        sums = (self._filtered if self.where else self._all).sums.get(node, Counts())
        counter = self._counter(node)
        return LogTotals(sums.probes, sums.unparsed, sums.left_out, counter.lost if counter else 0)

    def unreadable(self, node: str) -> str:
        """Why a node's log is not being read; empty if it is."""
        if self._transport(node) is None:
            return "not connected"
        counter = self._counter(node)
        return counter.reason if counter is not None else ""

    async def stop(self) -> None:
        await asyncio.gather(*self._end_filter(), return_exceptions=True)

    def _counter(self, node: str) -> AccessLogCounter | None:
        return self._counters.get(node) if self.where else self._logs[node].counter

    def _end_filter(self) -> list[asyncio.Task[None]]:
        tasks, self._tasks, self._counters = self._tasks, [], {}
        for task in tasks:
            task.cancel()
        return tasks

    async def _keep(self, node: str) -> None:
        """Over lost links, until the filter is another one."""
        counter = self._counters[node]
        while True:
            transport = self._transport(node)
            if transport is not None:
                # Whatever else it fails of is the counter's reason already: it is begun again all the same.
                with contextlib.suppress(Exception):
                    await counter.follow(transport, partial(self._on_counted, node))
            await asyncio.sleep(RETRY_S)
