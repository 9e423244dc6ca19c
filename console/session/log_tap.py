"""The logs of all nodes, read only while somebody looks: nothing runs on a node for a view that is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from console.model.events import Event
from console.model.facts import Link, LinkState, Severity
from console.model.log_line import LogPage, LogSource
from console.model.observed import Known
from console.model.profile import Profile
from console.model.state import ClusterState, Notice
from console.nodes.log_streams import NodeLogs
from console.nodes.supervisor import link_failure, reason_of
from console.nodes.transport import Transport
from console.parse.words import words
from console.session.clock import Clock
from console.session.log_ring import LogRing
from console.store import Store

# Who goes to another view and comes back finds reading going on; later, the lines and marks of before.
LINGER_S = 60.0
LINK_EVERY_S = 0.5
# Reasons for not reading one source that were said, until it is read again.
REASONS_MOST = 20
# Logs know seconds; a tenth of one is not worth a line that shows another second than it says.
SKEW_S = 0.1

Heard = Callable[[], None]
TransportOf = Callable[[str], Transport | None]


class LogTap:
    """Starts reading when the first one watches, and stops a while after the last one has gone."""

    def __init__(
        self, profile: Profile, transport: TransportOf, store: Store, now: Clock, *, linger_s: float = LINGER_S
    ) -> None:
        self._profile = profile
        self._transport = transport
        self._store = store
        self._now = now
        self._linger_s = linger_s
        self._ring = LogRing()
        self._ears = {node: _Ear(node, self) for node in profile.nodes}
        self._logs = {node: self._logs_of(node) for node in profile.nodes}
        self._watchers: list[Heard] = []
        self._untold = True
        self._noticed: tuple[Notice, ...] = ()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing: asyncio.TimerHandle | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    @property
    def reading(self) -> bool:
        """Whether anything runs on the nodes for this."""
        return bool(self._tasks)

    def watch(self, heard: Heard) -> Callable[[], None]:
        """Calls `heard` when there are new lines, once until they are taken. Returns what ends it."""
        self._watchers.append(heard)
        self._untold = True
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
        if not self.reading:
            self._start()
        return lambda: self._unwatch(heard)

    def page(self) -> LogPage:
        """The lines as they are now."""
        self._untold = True
        return self._ring.page()

    def mark(self, number: int) -> bool:
        """Marks a line or takes its mark away; True if it is marked now."""
        return self._ring.mark(number)

    async def stop(self) -> None:
        """Ends everything at once, and waits for it."""
        tasks = self._tasks
        self._end()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- life ---

    def _logs_of(self, node: str) -> NodeLogs:
        """It knows what it has read before, so that no line is there twice."""
        return NodeLogs(node, self._profile, self._ears[node], self._now, lambda: self._ahead_s(node))

    def _start(self) -> None:
        self._unsubscribe = self._store.subscribe(self._heard)
        self._take_notices(self._store.state)
        self._tasks = [asyncio.create_task(self._read(node), name=f"{node}:logs") for node in self._profile.nodes]

    def _unwatch(self, heard: Heard) -> None:
        if heard in self._watchers:
            self._watchers.remove(heard)
        if not self._watchers and self.reading and self._closing is None:
            self._closing = asyncio.get_running_loop().call_later(self._linger_s, self._end)

    def _end(self) -> None:
        """The nodes are left alone. Lines and marks stay, within their bounds."""
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
        for task in self._tasks:
            task.cancel()
        self._tasks = []
        self._unsubscribe()
        self._unsubscribe = lambda: None

    async def _read(self, node: str) -> None:
        """One node, over every connection it will have."""
        ear, logs = self._ears[node], self._logs[node]
        while True:
            transport = self._transport(node)
            if transport is None:
                self._without_link(ear, self._store.state.nodes[node].link)
            else:
                try:
                    await logs.read(transport)
                except Exception as error:
                    ear.silent("", reason_of(link_failure(error) or error))
            await asyncio.sleep(LINK_EVERY_S)

    def _without_link(self, ear: _Ear, link: Link) -> None:
        """A node whose first connection is on its way is not complained about yet."""
        if link.state is LinkState.DOWN:
            ear.silent("", link.reason or "it is not connected")

    def _ahead_s(self, node: str) -> float:
        """All lines stand in one order of time: the console's. Clocks that nearly agree are taken as they are."""
        seen = self._store.state.nodes[node].host
        ahead_s = (seen.value.clock_offset_ms or 0.0) / 1000 if isinstance(seen, Known) else 0.0
        return ahead_s if abs(ahead_s) >= SKEW_S else 0.0

    # --- what comes in ---

    def add(
        self, at: float, node: str, source: LogSource, text: str, severity: Severity, speaker: str = ""
    ) -> None:
        self._ring.add(at, node, source, text, severity, speaker)
        self._tell()

    def fold(self, speaker: str, text: str) -> bool:
        """A further line of the speaker's last record. False: that is not kept."""
        folded = self._ring.fold(speaker, text)
        self._tell()
        return folded

    def say(self, node: str, text: str, severity: Severity) -> None:
        """A line of the reading itself."""
        self.add(self._now(), node, LogSource.READER, words(text), severity)

    def begin(self, node: str, source: LogSource) -> None:
        self._ring.begin(node, source, self._now())

    def drop(self) -> None:
        self._ring.drop()
        self._tell()

    def _tell(self) -> None:
        if self._untold:
            self._untold = False
            for heard in tuple(self._watchers):
                heard()

    def _heard(self, state: ClusterState, _event: Event) -> None:
        if state.notices is not self._noticed:
            self._take_notices(state)

    def _take_notices(self, state: ClusterState) -> None:
        """What the Overview lists as events stands between the lines too: one can see what came of it.

        The list is put in order anew when something is recalled: what was taken is not known by its place.
        """
        known = {id(notice) for notice in self._noticed}
        self._noticed = state.notices
        for notice in state.notices:
            # What is remembered of yesterday has a source: its lines are not here.
            if not notice.source and id(notice) not in known:
                self.add(notice.at, notice.node or "", LogSource.MARK, notice.text, notice.severity)


class _Ear:
    """Hears one node for the tap. Each reason for not reading is said once, and once that it is read again."""

    def __init__(self, node: str, tap: LogTap) -> None:
        self._node = node
        self._tap = tap
        self._silent: dict[str, set[str]] = {}

    def line(self, at: float, source: LogSource, text: str, severity: Severity, speaker: str = "") -> None:
        self._tap.add(at, self._node, source, text, severity, f"{self._node} {speaker}" if speaker else "")

    def further(self, speaker: str, text: str) -> bool:
        return self._tap.fold(f"{self._node} {speaker}", text)

    def dropped(self) -> None:
        self._tap.drop()

    def begins(self, source: LogSource) -> None:
        self._tap.begin(self._node, source)

    def hole(self, at: float, source: LogSource) -> None:
        text = f"{source}: lines before this were not read"
        self._tap.add(at, self._node, LogSource.READER, text, Severity.WARNING)

    def silent(self, what: str, reason: str) -> None:
        """`what` is empty for the node as a whole, which is read again when anything of it is."""
        if not reason:
            again = [each for each in (what, "") if self._silent.pop(each, None) is not None]
            for each in again:
                self._tap.say(self._node, f"{each or self._node} is being read again", Severity.INFO)
        elif reason not in (said := self._silent.setdefault(what, set())) and len(said) < REASONS_MOST:
            said.add(reason)
            self._tap.say(self._node, f"{what or self._node} is not being read: {reason}", Severity.WARNING)
