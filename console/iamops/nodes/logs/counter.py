"""Counts one node's access log for as long as a session lives, over lost links and rotations."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from iamops.accesslog.awk import NotCounted
from iamops.accesslog.count import FULL, Columns, CountQuery, Counts, TooManyNames, add_bounded
from iamops.accesslog.format import named_format
from iamops.accesslog.rotation import LogPosition
from iamops.accesslog.values import Resolution
from iamops.model.facts import RequestCount
from iamops.model.traffic import class_of
from iamops.nodes.logs.follower import LogFollower, Progress
from iamops.nodes.logs.reader import FileReplaced, LogReader, Unreadable, not_written, reading
from iamops.nodes.transport import Transport, TransportError
from iamops.redact.clean import fault_of_ours

LOOK_EVERY_S = 1.0
# Without requests looking costs more than it shows. In a flood each look costs the node a dozen processes beside
# the counting, and what it shows is no less true for being two seconds old.
LOOK_SELDOM_S = 2.0
FLOOD = 5_000
# One node's counts may take long to add up; the others have their turn for this many times as long.
REST = 4
# A log that is being rotated is back by then.
ABSENT_S = 3.0
# If nginx answers so long after the log last grew, some thirty health checks are missing from it.
UNWRITTEN_S = 60.0
HISTORY_S = 3600.0
Count = Callable[[Counts, CountQuery], None]


class AccessLogCounter:
    """Every one of `counts` is given every piece once: first the history, then whatever is written.

    `history_s` None: the history is the current file. Else it goes back so far: then `base` is given what the
    current file holds before that, by status only, and `older`, instead of `counts`, what older files hold.
    """

    def __init__(
        self,
        log: str,
        query: CountQuery,
        *counts: Count,
        base: Count | None = None,
        older: Count | None = None,
        history_s: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.query = query
        self.reason = "not read yet"
        # When (monotonic) nginx last answered a health check of ours.
        self.served_at: Callable[[], float] = lambda: 0.0
        self._grew_at = 0.0
        self._absent_at: float | None = None
        self._log = log
        self._counts = counts
        self._base = base
        self._older = counts if older is None else (older,)
        self._history_s = history_s
        self._clock = clock
        self._progress: Progress | None = None
        self._new_requests = 0
        self._busy_s = 0.0

    @property
    def lost(self) -> int:
        """How often lines were rotated away before they could be read."""
        return self._progress.lost if self._progress else 0

    async def follow(self, transport: Transport, on_look: Callable[[], None]) -> str:
        """Counts until it cannot any more, and returns why. `on_look()` is called after every look.

        Raises TransportError. What was counted stays, and the next call goes on behind it.
        """
        try:
            async with reading(transport, self._log, self.query) as reader:
                if self._progress is None:
                    self._progress = await self._begin(transport, reader)
                    self._require_complete(reader)
                    on_look()
                follower = LogFollower(self._log, self._progress, self._counted, time.monotonic)
                while True:
                    self._new_requests, self._busy_s = 0, 0.0
                    await follower.poll(reader)
                    self._require_complete(reader)
                    on_look()
                    rest_s = LOOK_EVERY_S if 0 < self._new_requests < FLOOD else LOOK_SELDOM_S
                    await asyncio.sleep(rest_s + REST * self._busy_s)
        except (Unreadable, NotCounted, TooManyNames) as failure:
            self.reason = str(failure)
            return self.reason
        except TransportError:
            raise
        except Exception as error:
            self.reason = fault_of_ours(error)
            raise

    def _require_complete(self, reader: LogReader) -> None:
        """Raises Unreadable where requests may be missing: what is not written down is unknown, never 0."""
        if self._progress is None or not self._progress.positions:
            raise Unreadable(f"there is no {self._log}")
        now = time.monotonic()
        self._absent_at = (self._absent_at or now) if reader.listing_state.absent else None
        if self._absent_at is not None and now - self._absent_at > ABSENT_S:
            raise Unreadable(f"there is no {self._log}: nginx may be writing where nobody can read it")
        if self._grew_at and self.served_at() - self._grew_at > UNWRITTEN_S:
            raise Unreadable(not_written(self._log, now - self._grew_at))
        self.reason = ""

    def _counted(self, counts: Counts) -> None:
        began = time.monotonic()
        if counts.total or counts.unparsed or not self._grew_at:
            self._grew_at = began
        self._new_requests += counts.total
        for count in self._counts:
            count(counts, self.query)
        self._busy_s += time.monotonic() - began

    async def _begin(self, transport: Transport, reader: LogReader) -> Progress:
        """The history. Handed over in one step: if the link is lost meanwhile, it is begun anew."""
        progress, found, older = Progress(), Counts(), Counts()
        since = None if self._history_s is None else self._clock() - self._history_s
        follower = LogFollower(self._log, progress, partial(add_bounded, found), time.monotonic)
        await follower.begin(reader, since, partial(add_bounded, older))
        if self._base is not None:
            by_status = CountQuery(self.query.log_format, Columns.NOTHING, self.query.where)
            self._base(await self._before(transport, by_status, progress.begun), by_status)
        for count in self._older:
            count(older, self.query)
        self._counted(found)
        return progress

    async def _before(self, transport: Transport, query: CountQuery, history: LogPosition | None) -> Counts:
        """What the current file holds before the history."""
        found = Counts()
        if history is None or not history.offset:
            return found
        async with reading(transport, self._log, query) as reader:
            position = LogPosition(history.inode, 0, history.name)
            while position.offset < history.offset:
                chunk = await reader.read(position, upto=history.offset)
                if isinstance(chunk, FileReplaced) or chunk.position.offset == position.offset:
                    raise NotCounted("the log was rotated while its beginning was read")
                found.add(chunk.counts)
                position = chunk.position
        return found


class AccessLog:
    """One node's access log during a session: its requests by class, those of the current file and everything
    that is written from then on, over every rotation.

    `more` is given everything that a line holds, of the last hour and from then on. Raises FormatError.
    """

    def __init__(
        self, log: str, form: str, more: Count | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._classes: Counter[str] = Counter()
        self._probes = self._unparsed = 0
        query = CountQuery(named_format(form), Columns.NOTHING)
        if more is None:
            self.counter = AccessLogCounter(log, query, self._add)
        else:
            full = CountQuery(query.log_format, FULL, resolution=Resolution.TEN_SECONDS)
            self.counter = AccessLogCounter(
                log, full, self._add, more, base=self._add, older=more, history_s=HISTORY_S, clock=clock
            )

    @property
    def count(self) -> RequestCount:
        """Requests so far."""
        classes = dict(sorted(self._classes.items()))
        return RequestCount(self._classes.total(), classes, self._probes, self._unparsed)

    def _add(self, counts: Counts, _query: CountQuery) -> None:
        for _, status, _, number in counts.shape_rows():
            self._classes[class_of(status)] += number
        self._probes += counts.probes
        self._unparsed += counts.unparsed
