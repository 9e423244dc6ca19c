"""What the console knows of the traffic: one book of everything, and one of what a filter lets through."""

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


class TrafficFeed:
    """Fed by the nodes' own collectors; a filter has readers of its own, so that nothing else is filtered.

    Raises FormatError for a log format from which nothing can be counted.
    """

    def __init__(
        self,
        profile: Profile,
        transport: Callable[[str], Transport | None],
        now: Callable[[], float],
        heard: Callable[[str], None],
    ) -> None:
        self.form: LogFormat = named_format(profile.logs.format)
        self.where = ""
        self._profile, self._transport, self._now, self._heard = profile, transport, now, heard
        self._all = TrafficTimeSeries()
        self._filtered = TrafficTimeSeries()
        self._sums: dict[str, Counts] = {name: Counts() for name in profile.nodes}
        self._filtered_sums: dict[str, Counts] = {}
        self._logs = {
            name: AccessLog(profile.logs.access, profile.logs.format, partial(self._count, name), now)
            for name in profile.nodes
        }
        self._lanes: dict[str, AccessLogCounter] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def access_log(self, node: str) -> AccessLog:
        """What the node's collector feeds."""
        return self._logs[node]

    @property
    def book(self) -> TrafficTimeSeries:
        """What the filter lets through; everything without one."""
        return self._filtered if self.where else self._all

    def filter(self, expression: str) -> None:
        """Counts anew with another expression, the last hour included. Raises WhereError."""
        chosen = where(expression)
        self._end_filter()
        self.where = chosen.text.strip()
        if not self.where:
            return
        self._filtered, self._filtered_sums = TrafficTimeSeries(), {}
        recipe = CountQuery(self.form, FULL, chosen, Resolution.TEN_SECONDS)
        for name in filter(chosen.allows_node, self._profile.nodes):
            self._filtered_sums[name] = Counts()
            count = partial(self._count_filtered, name)
            self._lanes[name] = AccessLogCounter(
                self._profile.logs.access, recipe, count, history_s=HISTORY_S, clock=self._now
            )
            self._tasks.append(asyncio.create_task(self._keep(name), name=f"filter {name}"))

    def totals(self, node: str) -> LogTotals:
        sums = (self._filtered_sums if self.where else self._sums).get(node, Counts())
        lane = self._lane(node)
        return LogTotals(sums.probes, sums.unparsed, sums.left_out, lane.lost if lane else 0)

    def unreadable(self, node: str) -> str:
        """Why a node's log is not being read; empty if it is."""
        if self._transport(node) is None:
            return "not connected"
        lane = self._lane(node)
        return lane.reason if lane is not None else ""

    async def stop(self) -> None:
        tasks = self._end_filter()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _lane(self, node: str) -> AccessLogCounter | None:
        return self._lanes.get(node) if self.where else self._logs[node].lane

    def _end_filter(self) -> list[asyncio.Task[None]]:
        tasks, self._tasks, self._lanes = self._tasks, [], {}
        for task in tasks:
            task.cancel()
        return tasks

    def _count(self, node: str, counts: Counts, recipe: CountQuery) -> None:
        _sum_up(self._sums[node], counts)
        self._all.add(node, tallied(counts, recipe), self._now())

    def _count_filtered(self, node: str, counts: Counts, recipe: CountQuery) -> None:
        _sum_up(self._filtered_sums[node], counts)
        self._filtered.add(node, tallied(counts, recipe), self._now())

    async def _keep(self, node: str) -> None:
        """Over lost links, until the filter is another one."""
        lane = self._lanes[node]
        while True:
            transport = self._transport(node)
            if transport is not None:
                # Whatever else it fails of is the lane's reason already: it is begun again all the same.
                with contextlib.suppress(Exception):
                    await lane.follow(transport, partial(self._heard, node))
            await asyncio.sleep(RETRY_S)


def _sum_up(sums: Counts, counts: Counts) -> None:
    """The sums alone: the tables are in the book."""
    sums.probes += counts.probes
    sums.unparsed += counts.unparsed
    sums.left_out += counts.left_out
