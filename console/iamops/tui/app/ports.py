"""What the views read of a session beside its store: the counted access logs and the nodes' logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from iamops.accesslog.format import LogFormat
    from iamops.accesslog.timeseries import TrafficTimeSeries
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
