"""The logs of all nodes, read only while somebody looks: nothing runs on a node for a view that is closed."""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from iamops.model.events import Event
from iamops.model.facts import LinkState, Severity
from iamops.model.journal import LogLine, LogPage, LogSource, Reach
from iamops.model.observed import Known
from iamops.model.profile import Profile
from iamops.model.state import ClusterState, Notice
from iamops.nodes.logs.tail import NodeLogs
from iamops.nodes.supervisor import link_failure, reason_of
from iamops.nodes.transport import Clock, Transport
from iamops.redact.clean import clean_text
from iamops.session.store import Store

# The lines that are kept: the newest few thousand of all nodes, in the order in which they were written.

LINES_KEPT = 5000
# Lines are short. Long ones must not fill the operator's memory.
CHARS_KEPT = 4_000_000
# Lines of one record that are kept with it, and how far back it is looked for.
MORE_KEPT = 200
FOLD_BACK = 500
# Whose last record is known; a speaker is a unit of a node, and a pair has a dozen.
SPEAKERS_KEPT = 200


class LogRing:
    """Bounded in lines and in characters. A line that is removed before anybody could see it counts as dropped."""

    def __init__(self, lines: int = LINES_KEPT, chars: int = CHARS_KEPT) -> None:
        self._room, self._chars_room = lines, chars
        self._lines: list[LogLine] = []
        self._chars = 0
        self._added = 0
        self._shown = 0
        self._marked: set[int] = set()
        self._dropped = 0
        self._open: dict[str, int] = {}
        self._begun: dict[tuple[str, LogSource], float] = {}

    def begin(self, node: str, source: LogSource, at: float) -> None:
        """A source is read from now on, with some lines of before."""
        self._begun.setdefault((node, source), at)

    def fold(self, speaker: str, text: str) -> bool:
        """Puts a line into the speaker's last record. False: that is not kept any more."""
        number = self._open.get(speaker)
        for at in range(len(self._lines) - 1, max(-1, len(self._lines) - FOLD_BACK), -1):
            line = self._lines[at]
            if line.number != number:
                continue
            if len(line.more) < MORE_KEPT:
                self._lines[at] = replace(line, more=(*line.more, text))
                self._chars += len(text)
                self._trim()
            else:
                self._lines[at] = replace(line, left_out=line.left_out + 1)
            return True
        return False

    def add(
        self, at: float, node: str, source: LogSource, text: str, severity: Severity, speaker: str = ""
    ) -> None:
        """Puts a line in its place by time: usually the last, or close to it. `speaker` may go on with it."""
        self._added += 1
        if speaker:
            self._open.pop(speaker, None)
            self._open[speaker] = self._added
            if len(self._open) > SPEAKERS_KEPT:
                del self._open[next(iter(self._open))]
        line = LogLine(at, node, source, text, severity, self._added)
        if not self._lines or self._lines[-1].at <= at:
            self._lines.append(line)
        else:
            insort(self._lines, line, key=lambda line: line.place)
        self._chars += len(text)
        self._trim()

    def drop(self) -> None:
        self._dropped += 1

    def mark(self, number: int) -> bool:
        if any(line.number == number for line in self._lines):
            self._marked ^= {number}
        return number in self._marked

    def page(self) -> LogPage:
        self._shown = self._added
        return LogPage(tuple(self._lines), frozenset(self._marked), self._dropped, tuple(self._reaches()))

    def _reaches(self) -> Iterator[Reach]:
        """A source reaches back to its oldest line that is kept; without one, to when it began to be read."""
        wanted = dict(self._begun)
        for line in self._lines:
            if not wanted:
                return
            if wanted.pop((line.node, line.source), None) is not None:
                yield Reach(line.node, line.source, line.at)
        yield from (Reach(node, source, at) for (node, source), at in wanted.items())

    def _trim(self) -> None:
        while len(self._lines) > self._room or self._chars > self._chars_room:
            oldest = self._lines.pop(0)
            self._chars -= len(oldest.text) + sum(map(len, oldest.more))
            self._marked.discard(oldest.number)
            self._dropped += oldest.number > self._shown


# Somebody who goes to another view and comes back finds reading going on; later, the lines and marks of before.
LINGER_S = 60.0
LINK_EVERY_S = 0.5
# Reasons for not reading one source that are reported until it is read again.
REASONS_MOST = 20
# Logs know seconds; a tenth of one is not worth a line that shows another second than it says.
SKEW_S = 0.1

OnLines = Callable[[], None]
TransportOf = Callable[[str], Transport | None]


class LogTap:
    """Starts reading when the first one watches, and stops a while after the last one has gone."""

    def __init__(
        self, profile: Profile, transport: TransportOf, store: Store, now: Clock, *, linger_s: float = LINGER_S
    ) -> None:
        self._profile, self._transport, self._store = profile, transport, store
        self._linger_s = linger_s
        self._ring = LogRing()
        self.mark = self._ring.mark
        self._sinks = {node: _NodeSink(node, self._ring, now, self._notify) for node in profile.nodes}
        # Each knows what it has read before, so that no line is there twice.
        self._logs = {
            node: NodeLogs(node, profile, sink, now, partial(self._ahead_s, node))
            for node, sink in self._sinks.items()
        }
        self._watchers: list[OnLines] = []
        self._taken = True
        self._noticed: tuple[Notice, ...] = ()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing: asyncio.TimerHandle | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    @property
    def reading(self) -> bool:
        return bool(self._tasks)

    def watch(self, on_lines: OnLines) -> Callable[[], None]:
        """Calls `on_lines` when there are new lines, once until they are taken. Returns what ends it."""
        self._watchers.append(on_lines)
        self._taken = True
        self._stay_open()
        if not self.reading:
            self._unsubscribe = self._store.subscribe(self._take_notices)
            self._take_notices(self._store.state)
            nodes = self._profile.nodes
            self._tasks = [asyncio.create_task(self._read(node), name=f"{node}:logs") for node in nodes]
        return lambda: self._unwatch(on_lines)

    def page(self) -> LogPage:
        self._taken = True
        return self._ring.page()

    async def stop(self) -> None:
        tasks = self._tasks
        self._end()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _unwatch(self, on_lines: OnLines) -> None:
        if on_lines in self._watchers:
            self._watchers.remove(on_lines)
        if not self._watchers and self.reading and self._closing is None:
            self._closing = asyncio.get_running_loop().call_later(self._linger_s, self._end)

    def _stay_open(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None

    def _end(self) -> None:
        """The nodes are left alone. Lines and marks stay, within their bounds."""
        self._stay_open()
        for task in self._tasks:
            task.cancel()
        self._tasks = []
        self._unsubscribe()
        self._unsubscribe = lambda: None

    async def _read(self, node: str) -> None:
        """One node, over every connection it will have."""
        sink, logs = self._sinks[node], self._logs[node]
        while True:
            transport, link = self._transport(node), self._store.state.nodes[node].link
            if transport is not None:
                try:
                    await logs.read(transport)
                except Exception as error:
                    sink.silent("", reason_of(link_failure(error) or error))
            elif link.state is LinkState.DOWN:
                # A node whose first connection is on its way is not complained about yet.
                sink.silent("", link.reason or "it is not connected")
            await asyncio.sleep(LINK_EVERY_S)

    def _ahead_s(self, node: str) -> float:
        """All lines stand in one order of time: the console's. Clocks that nearly agree are taken as they are."""
        host = self._store.state.nodes[node].host
        ahead_s = (host.value.clock_offset_ms or 0.0) / 1000 if isinstance(host, Known) else 0.0
        return ahead_s if abs(ahead_s) >= SKEW_S else 0.0

    def _notify(self) -> None:
        if self._taken:
            self._taken = False
            for on_lines in tuple(self._watchers):
                on_lines()

    def _take_notices(self, state: ClusterState, _event: Event | None = None) -> None:
        """What the Overview lists as events stands between the lines too: one can see what came of it.

        The list is put in order anew when something is recalled: what was taken is not known by its place.
        """
        if state.notices is self._noticed:
            return
        known = {id(notice) for notice in self._noticed}
        self._noticed = state.notices
        for notice in state.notices:
            # What is remembered of yesterday has a source: its lines are not here.
            if not notice.source and id(notice) not in known:
                self._ring.add(notice.at, notice.node or "", LogSource.MARK, notice.text, notice.severity)
                self._notify()


class _NodeSink:
    """Takes what is read on one node. Each reason for not reading is reported once, and its end."""

    def __init__(self, node: str, ring: LogRing, now: Clock, added: Callable[[], None]) -> None:
        self._node, self._ring, self._now, self._added = node, ring, now, added
        self._silent: dict[str, set[str]] = {}

    def line(self, at: float, source: LogSource, text: str, severity: Severity, speaker: str = "") -> None:
        self._ring.add(at, self._node, source, text, severity, f"{self._node} {speaker}" if speaker else "")
        self._added()

    def further(self, speaker: str, text: str) -> bool:
        folded = self._ring.fold(f"{self._node} {speaker}", text)
        self._added()
        return folded

    def dropped(self) -> None:
        self._ring.drop()
        self._added()

    def begins(self, source: LogSource) -> None:
        self._ring.begin(self._node, source, self._now())

    def hole(self, at: float, source: LogSource) -> None:
        self.line(at, LogSource.READER, f"{source}: lines before this were not read", Severity.WARNING)

    def silent(self, what: str, reason: str) -> None:
        """`what` is empty for the node as a whole, which is read again when anything of it is."""
        if not reason:
            again = [name for name in (what, "") if self._silent.pop(name, None) is not None]
            for name in again:
                self._note(f"{name or self._node} is being read again", Severity.INFO)
        elif reason not in (reasons := self._silent.setdefault(what, set())) and len(reasons) < REASONS_MOST:
            reasons.add(reason)
            self._note(f"{what or self._node} is not being read: {reason}", Severity.WARNING)

    def _note(self, text: str, severity: Severity) -> None:
        self.line(self._now(), LogSource.READER, clean_text(text), severity)
