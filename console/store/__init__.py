"""Floor 3: the one writer of ClusterState. Applies events and tells subscribers; no I/O."""

from __future__ import annotations

from collections.abc import Callable

from console.model.events import Event
from console.model.reduce import reduce
from console.model.state import ClusterState

Subscriber = Callable[[ClusterState, Event], None]


class Store:
    """Holds the current state. `apply` is the only way to change it; subscribers are called after it."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self._subscribers: list[Subscriber] = []

    @property
    def state(self) -> ClusterState:
        return self._state

    def apply(self, event: Event) -> None:
        """Reduces one event, then calls every subscriber with the new state and the event.

        What one of them fails of is raised once all the others have heard.
        """
        self._state = reduce(self._state, event)
        failed: Exception | None = None
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(self._state, event)
            except Exception as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Registers a subscriber; returns the function that removes it again."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)
