"""Counts one node's access log in one way for as long as a session lives, over lost links and rotations."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from iamops.accesslog.awk import NotCounted
from iamops.accesslog.count import FULL, TAB, Columns, CountQuery, Counts, TooManyNames, add_bounded
from iamops.accesslog.format import named_format
from iamops.accesslog.rotation import LogPosition
from iamops.accesslog.values import Resolution
from iamops.model.facts import RequestCount
from iamops.nodes.logs.follower import LogFollower, Progress
from iamops.nodes.logs.reader import FileReplaced, LogReader, Unreadable, not_written, reading
from iamops.nodes.transport import Transport, TransportError
from iamops.redact.clean import fault_of_ours

LOOK_EVERY_S = 1.0
# Where nobody asks for anything, looking costs more than it shows. In a flood each look costs the node a dozen
# processes beside the counting, and what it shows is no less true for being two seconds old.
LOOK_SELDOM_S = 2.0
FLOOD = 5_000
# What one node tells may take long to be added up; so many times as long the others have their turn.
REST = 4
# A log that is being rotated is back by then.
ABSENT_S = 3.0
# nginx has answered so much later than the log has grown: some thirty health checks are not in it.
UNWRITTEN_S = 60.0
Count = Callable[[Counts, CountQuery], None]


class AccessLogCounter:
    """`count` is given every piece once: first the history, then whatever is written.

    `history_s` None: the history is the log's file of now. Else it goes back so far: then `base` is given what
    that file holds before, by status only, and `older` what older files hold.
    """

    def __init__(
        self,
        log: str,
        recipe: CountQuery,
        count: Count,
        *,
        base: Count | None = None,
        older: Count | None = None,
        history_s: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.recipe = recipe
        self.reason = "not read yet"
        # When (monotonic) nginx last answered a health check of ours.
        self.served_at: Callable[[], float] = lambda: 0.0
        self._grew_at = 0.0
        self._absent_at: float | None = None
        self._log = log
        self._count = count
        self._base = base
        self._older = older or count
        self._history_s = history_s
        self._clock = clock
        self._progress: Progress | None = None
        self._fresh = 0
        self._busy_s = 0.0

    @property
    def lost(self) -> int:
        """How often lines were rotated away before they could be read."""
        return self._progress.lost if self._progress else 0

    async def follow(self, transport: Transport, told: Callable[[], None]) -> str:
        """Counts until it cannot any more, and returns why. `told()` is called after every look.

        Raises TransportError. What was counted stays, and the next call goes on behind it.
        """
        try:
            async with reading(transport, self._log, self.recipe) as reader:
                if self._progress is None:
                    self._progress = await self._begin(transport, reader)
                    self._tell_if_there(reader, told)
                follower = LogFollower(self._log, self._progress, self._counted, time.monotonic)
                while True:
                    self._fresh, self._busy_s = 0, 0.0
                    await follower.poll(reader)
                    self._tell_if_there(reader, told)
                    rest_s = LOOK_EVERY_S if 0 < self._fresh < FLOOD else LOOK_SELDOM_S
                    await asyncio.sleep(rest_s + REST * self._busy_s)
        except (Unreadable, NotCounted, TooManyNames) as failure:
            self.reason = str(failure)
            return self.reason
        except TransportError:
            raise
        except Exception as error:
            self.reason = fault_of_ours(error)
            raise

    def _tell_if_there(self, reader: LogReader, told: Callable[[], None]) -> None:
        """Raises Unreadable where requests may be missing: what is not written down is unknown, never 0."""
        if self._progress is None or not self._progress.places:
            raise Unreadable(f"there is no {self._log}")
        now = time.monotonic()
        self._absent_at = (self._absent_at or now) if reader.around.absent else None
        if self._absent_at is not None and now - self._absent_at > ABSENT_S:
            raise Unreadable(f"there is no {self._log}: nginx may be writing where nobody can read it")
        if self._grew_at and self.served_at() - self._grew_at > UNWRITTEN_S:
            raise Unreadable(not_written(self._log, now - self._grew_at))
        self.reason = ""
        told()

    def _counted(self, counts: Counts) -> None:
        began = time.monotonic()
        if counts.total or counts.unparsed or not self._grew_at:
            self._grew_at = began
        self._fresh += counts.total
        self._count(counts, self.recipe)
        self._busy_s += time.monotonic() - began

    async def _begin(self, transport: Transport, reader: LogReader) -> Progress:
        """The history. Handed over as a whole: if the link is lost meanwhile, it is begun anew."""
        progress, found, older = Progress(), Counts(), Counts()
        since = None if self._history_s is None else self._clock() - self._history_s
        add, add_older = partial(add_bounded, found), partial(add_bounded, older)
        await LogFollower(self._log, progress, add, time.monotonic).begin(reader, since, add_older)
        before = await self._before(transport, progress.begun)
        if self._base is not None:
            self._base(before, self._light)
        self._older(older, self.recipe)
        self._counted(found)
        return progress

    @property
    def _light(self) -> CountQuery:
        return CountQuery(self.recipe.form, Columns.NOTHING, self.recipe.where)

    async def _before(self, transport: Transport, place: LogPosition | None) -> Counts:
        """What the log holds before the history, by status only."""
        found = Counts()
        if self._base is None or place is None or not place.offset:
            return found
        async with reading(transport, self._log, self._light) as reader:
            at, end = LogPosition(place.inode, 0, place.name), place.offset
            while at.offset < end:
                piece = await reader.read(at, upto=end)
                if isinstance(piece, FileReplaced) or piece.position.offset == at.offset:
                    raise NotCounted("the log was rotated while its beginning was read")
                found.add(piece.counts)
                at = piece.position
        return found


# One node's access log during a session: its requests so far by class, and whoever wants to know more of them.

HISTORY_S = 3600.0


class AccessLog:
    """Counts what the log of now holds, and from then on everything that is written, over every rotation.

    `more` is given everything that a line tells, of the last hour and from then on. Raises FormatError.
    """

    def __init__(
        self, log: str, form: str, more: Count | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._more = more
        self._classes: Counter[str] = Counter()
        self._probes = self._unparsed = 0
        recipe = CountQuery(named_format(form), Columns.NOTHING)
        if more is None:
            self.lane = AccessLogCounter(log, recipe, self._add)
        else:
            full = CountQuery(recipe.form, FULL, resolution=Resolution.TEN_SECONDS)
            self.lane = AccessLogCounter(
                log, full, self._tell, base=self._add, older=more, history_s=HISTORY_S, clock=clock
            )

    @property
    def count(self) -> RequestCount:
        """Requests so far."""
        return RequestCount(
            self._classes.total(), dict(sorted(self._classes.items())), self._probes, self._unparsed
        )

    def _tell(self, counts: Counts, recipe: CountQuery) -> None:
        assert self._more is not None  # noqa: S101 - only given to the lane where somebody listens
        self._add(counts, recipe)
        self._more(counts, recipe)

    def _add(self, counts: Counts, recipe: CountQuery) -> None:
        for key, number in counts.shapes.items():
            self._classes[f"{key.split(TAB, 2)[1][:1]}xx"] += number
        self._probes += counts.probes
        self._unparsed += counts.unparsed
