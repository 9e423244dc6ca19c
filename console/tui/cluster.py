"""What the console needs of a session: a store to watch, a clock, rules, and a way to start and stop."""

from __future__ import annotations

from typing import Protocol

from console.judge.findings import Finding
from console.model.state import ClusterState
from console.store import Store


class Cluster(Protocol):
    """A running session as the front sees it. The front never asks where its events come from."""

    @property
    def store(self) -> Store: ...

    def now(self) -> float:
        """Session time in epoch seconds; the clock of every event's `at`."""
        ...

    def findings(self, state: ClusterState, now: float) -> tuple[Finding, ...]:
        """What the rules say about `state`, the worst first."""
        ...

    async def start(self) -> None:
        """Starts observing. May return at once or run for as long as the session does."""
        ...

    async def stop(self) -> None: ...

    def refresh(self) -> None:
        """Reconnects what is not connected and polls everything now."""
        ...
