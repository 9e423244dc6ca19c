"""What the console needs of a session: a store to watch, a clock, rules, and a way to start and stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from iamops.judge.findings import Finding
from iamops.model.state import ClusterState
from iamops.session.store import Store

if TYPE_CHECKING:
    from iamops.accesslog.format import LogFormat
    from iamops.accesslog.timeseries import TrafficTimeSeries
    from iamops.judge.findings import Diagnosis
    from iamops.model.journal import LogPage
    from iamops.model.traffic import LogTotals


class TrafficPort(Protocol):
    """What is counted from the nodes' access logs. A `RequestsCounted` event says that there is more."""

    @property
    def book(self) -> TrafficTimeSeries: ...

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

    def unreadable(self, node: str) -> str:
        """Why a node's log is not being read; empty if it is."""
        ...


class LogPort(Protocol):
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


class ClusterPort(Protocol):
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

    def log_tap(self) -> LogPort:
        """The nodes' logs."""
        ...

    def traffic(self) -> TrafficPort:
        """What is counted from the access logs, for as long as the session lives."""
        ...

    async def examine(self) -> Diagnosis:
        """One deep look over the connections there are. Changes nothing; takes a few seconds at most."""
        ...

    def refresh(self) -> None:
        """Reconnects what is not connected and polls everything now."""
        ...
