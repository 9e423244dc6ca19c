"""What the console needs of a session: a store to watch, a clock, rules, and a way to start and stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from console.judge.findings import Finding
from console.model.state import ClusterState
from console.store import Store

if TYPE_CHECKING:
    from console.judge.diagnosis import Diagnosis
    from console.model.log_line import LogPage
    from console.model.traffic import LogTotals
    from console.parse.log_format import LogFormat
    from console.store.traffic_book import TrafficBook


class TrafficFeed(Protocol):
    """What is counted from the nodes' access logs. A `RequestsCounted` event says that there is more."""

    @property
    def book(self) -> TrafficBook: ...

    @property
    def form(self) -> LogFormat:
        """The log's format: what it tells, and in which words what it does not."""
        ...

    @property
    def where(self) -> str:
        """The filter expression; empty if everything counts."""
        ...

    def filter(self, expression: str) -> None:
        """Counts anew with another expression, the last hour included. Raises WhereError."""
        ...

    def totals(self, node: str) -> LogTotals: ...

    def unread(self, node: str) -> str:
        """Why a node's log is not being read; empty if it is."""
        ...


class LogTap(Protocol):
    """The logs of all nodes, read while somebody watches."""

    def watch(self, heard: Callable[[], None]) -> Callable[[], None]:
        """Calls `heard` when there are new lines, once until they are taken. Returns what ends it."""
        ...

    def page(self) -> LogPage:
        """Takes the lines as they are now."""
        ...

    def mark(self, number: int) -> bool:
        """Marks a line or takes its mark away; True if it is marked now."""
        ...


class Cluster(Protocol):
    """A running session as the front sees it. The front never asks where its events come from."""

    @property
    def store(self) -> Store: ...

    def now(self) -> float:
        """Session time in epoch seconds; the clock of every event's `at`."""
        ...

    def findings(self, state: ClusterState, now: float) -> tuple[Finding, ...]:
        """What the rules say about `state`, the worst first; causes and symptoms side by side."""
        ...

    async def start(self) -> None:
        """Starts observing. May return at once or run for as long as the session does."""
        ...

    async def stop(self) -> None: ...

    def log_tap(self) -> LogTap:
        """The nodes' logs."""
        ...

    def traffic(self) -> TrafficFeed:
        """What is counted from the access logs, for as long as the session lives."""
        ...

    async def examine(self) -> Diagnosis:
        """One deep look over the connections there are. Changes nothing; takes a few seconds at most."""
        ...

    def refresh(self) -> None:
        """Reconnects what is not connected and polls everything now."""
        ...
