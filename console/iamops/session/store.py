"""The one writer of ClusterState. Applies events and tells subscribers; no I/O."""

from __future__ import annotations

from collections.abc import Callable

from iamops.model.events import Event
from iamops.model.reduce import reduce
from iamops.model.state import ClusterState

Subscriber = Callable[[ClusterState, Event], None]


class Store:
    """Holds the current state. `apply` is the only way to change it; subscribers are called after it.

    `failed` hears what a subscriber fails of: whoever brings an event has nothing to do with it, and neither have
    the other subscribers. Without it, it is raised once all have heard.
    """

    def __init__(self, state: ClusterState, failed: Callable[[Exception], None] | None = None) -> None:
        self._state = state
        self._failed = failed
        self._telling = False
        self._subscribers: list[Subscriber] = []

    @property
    def state(self) -> ClusterState:
        return self._state

    def apply(self, event: Event) -> None:
        """Reduces one event, then calls every subscriber with the new state and the event."""
        self._state = reduce(self._state, event)
        error: Exception | None = None
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(self._state, event)
            except Exception as failure:
                error = error or failure
        if error is not None:
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        if self._failed is None:
            raise error
        # What tells of it is an event again, of which the same subscriber may fail.
        if not self._telling:
            self._telling = True
            try:
                self._failed(error)
            finally:
                self._telling = False

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Registers a subscriber; returns the function that removes it again."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)
