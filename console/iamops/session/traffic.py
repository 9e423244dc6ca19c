"""The traffic: one tally of everything and one of what a filter lets through; or every log counted once."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from iamops.accesslog.aggregate import TrafficTimeSeries, tallied
from iamops.accesslog.awk import NotCounted
from iamops.accesslog.count import FULL, CountQuery, Counts, TooManyNames, add_bounded
from iamops.accesslog.filter import where
from iamops.accesslog.format import LogFormat, named_format
from iamops.accesslog.values import NO_TIME, Resolution
from iamops.model.facts import ProbeReport
from iamops.model.profile import Profile
from iamops.model.traffic import LogTotals, NodeCount, Traffic
from iamops.nodes.logs.counter import HISTORY_S, AccessLog, AccessLogCounter
from iamops.nodes.logs.follower import LogFollower, Progress
from iamops.nodes.logs.reader import LogReader, Unreadable, not_written, reading
from iamops.nodes.probes.http import Endpoint, HttpRequest, probe_http
from iamops.nodes.transport import Transport, TransportError
from iamops.redact.clean import fault_of_ours

RETRY_S = 2.0


class _TrafficTally:
    """A time series, and the sums of what it has no place for, by node."""

    def __init__(self, now: Callable[[], float], on_change: Callable[[], None]) -> None:
        self.series = TrafficTimeSeries()
        self.sums: dict[str, Counts] = {}
        self._now, self._on_change = now, on_change

    def add(self, node: str, counts: Counts, query: CountQuery) -> None:
        sums = self.sums.setdefault(node, Counts())
        sums.probes += counts.probes
        sums.unparsed += counts.unparsed
        sums.left_out += counts.left_out
        self.series.add(node, tallied(counts, query), self._now())
        self._on_change()


class TrafficFeed:
    """Fed by the nodes' own collectors; a filter has readers of its own, so that nothing else is filtered.

    Raises FormatError for a log format from which nothing can be counted.
    """

    def __init__(
        self, profile: Profile, transport: Callable[[str], Transport | None], now: Callable[[], float]
    ) -> None:
        self.form: LogFormat = named_format(profile.logs.format)
        self.where = ""
        self._profile, self._transport, self._now = profile, transport, now
        self._watchers: list[Callable[[], None]] = []
        self._all, self._filtered = _TrafficTally(now, self._changed), _TrafficTally(now, self._changed)
        self._logs = {
            name: AccessLog(profile.logs.access, profile.logs.format, partial(self._all.add, name), now)
            for name in profile.nodes
        }
        self._counters: dict[str, AccessLogCounter] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def watch(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Calls `on_change` when anything was counted. Returns what ends it."""
        self._watchers.append(on_change)
        return lambda: self._watchers.remove(on_change)

    def _changed(self) -> None:
        for on_change in tuple(self._watchers):
            on_change()

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
        self._filtered = _TrafficTally(self._now, self._changed)
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
                # Told after each look, too: only then is its reason up to date.
                with contextlib.suppress(Exception):
                    await counter.follow(transport, self._changed)
            await asyncio.sleep(RETRY_S)


TRIES = 3
# Between a rotation's rename and nginx's new file.
REOPENS_S = 0.3
# A log that was not written to for so long is looked at again, once nginx has answered a health check of ours.
QUIET_S = 60.0
WRITTEN_S = 0.3
LOCALHOST = "127.0.0.1"
Served = Callable[[Transport], Awaitable[bool]]
# A node's clock may be so far ahead of ours.
AHEAD_S = 3600


async def count_traffic(
    log: str,
    query: CountQuery,
    since: float | None,
    made: Mapping[str, Transport | TransportError],
    served: Served | None = None,
) -> dict[str, NodeCount]:
    """node -> its traffic. `since` None: the log's file of now, whatever times it holds.

    `served`: asks nginx where its log is quiet: if it answers and the log does not grow, that is not all.
    """
    wanted = [name for name in made if query.where.allows_node(name)]
    counted = await asyncio.gather(*(_of_node(log, query, since, made[name], served) for name in wanted))
    return dict(zip(wanted, counted, strict=True))


async def _of_node(
    log: str,
    query: CountQuery,
    since: float | None,
    made: Transport | TransportError,
    served: Served | None,
) -> NodeCount:
    if isinstance(made, TransportError):
        return NodeCount({}, LogTotals(), made.reason)
    reason = ""
    try:
        async with reading(made, log, query) as reader:
            counts, progress = await _count(reader, log, since)
            await _require_all(reader, log, since, progress)
            if served is not None and reader.listing_state.quiet_s > QUIET_S and await served(made):
                # nginx answers: does the log grow by it?
                await asyncio.sleep(WRITTEN_S)
                await reader.files()
                if reader.listing_state.quiet_s > QUIET_S:
                    raise Unreadable(not_written(log, reader.listing_state.quiet_s))
    except (Unreadable, NotCounted, TooManyNames) as failure:
        reason = str(failure)
    except TransportError as failure:
        reason = failure.reason
    except Exception as error:
        reason = fault_of_ours(error)
    else:
        reason = "" if progress.positions else f"there is no {log}"
    if reason:
        return NodeCount({}, LogTotals(), reason)
    slots: dict[int, Traffic] = {}
    to_come = time.time() + AHEAD_S
    for at, traffic in tallied(counts, query).items():
        if since is None or at >= since or at == NO_TIME:
            # What is still to come is no time: a clock that was set back, or a line of another format.
            slots.setdefault(NO_TIME if at > to_come else at, Traffic()).add(traffic)
    return NodeCount(slots, LogTotals(counts.probes, counts.unparsed, counts.left_out, progress.lost))


async def _count(reader: LogReader, log: str, since: float | None) -> tuple[Counts, Progress]:
    """Begins again when the log is rotated meanwhile. Raises NotCounted when it never stands still."""
    for left in reversed(range(TRIES)):
        counts, progress = Counts(), Progress()
        try:
            add = partial(add_bounded, counts)
            await LogFollower(log, progress, add, time.monotonic).begin(reader, since)
        except NotCounted:
            if not left:
                raise
        else:
            break
    return counts, progress


async def _require_all(reader: LogReader, log: str, since: float | None, progress: Progress) -> None:
    """Raises Unreadable where requests may be missing from what was counted."""
    for left in reversed(range(TRIES)):
        if not reader.listing_state.absent:
            break
        if not left:
            raise Unreadable(f"there is no {log}: nginx may be writing where nobody can read it (nginx -s reopen)")
        await asyncio.sleep(REOPENS_S)
        await reader.files()
    if reader.listing_state.full:
        raise Unreadable(f"the file system of {log} is full: nginx cannot write what it serves")
    begun = progress.begun
    if reader.listing_state.unlisted and since is not None and (begun is None or not begun.offset):
        raise Unreadable(f"the directory of {log} may not be listed: what was rotated away is not seen")


def nginx_answers(profile: Profile) -> Served:
    """Asks nginx on a node for the health of what it publishes first; whatever it answers stands in its log."""
    first = next((s for s in profile.services.values() if s.domain), None)
    question = HttpRequest(first.domain or "", first.health) if first else HttpRequest(LOCALHOST, "/")
    door = Endpoint(LOCALHOST, profile.nginx.port)

    async def served(transport: Transport) -> bool:
        report = await probe_http(transport, door, question, time.monotonic)
        return isinstance(report, ProbeReport) and report.status is not None

    return served
