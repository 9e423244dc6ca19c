"""The one writer of ClusterState. Applies events and calls subscribers; no I/O."""

from __future__ import annotations

from collections.abc import Callable

from iamops.model.events import Event
from iamops.model.reduce import reduce
from iamops.model.state import ClusterState

Subscriber = Callable[[ClusterState, Event], None]


class Store:
    """Holds the current state. `apply` is the only way to change it; subscribers are called after it.

    `failed` gets what a subscriber fails of, for neither the event's source nor other subscribers have to do with
    it. Without it, it is raised once all were called.
    """

    def __init__(self, state: ClusterState, failed: Callable[[Exception], None] | None = None) -> None:
        self._state = state
        self._failed = failed
        self._failing = False
        self._subscribers: list[Subscriber] = []

    @property
    def state(self) -> ClusterState:
        return self._state

    def apply(self, event: Event) -> None:
        self._state = reduce(self._state, event)
        error: Exception | None = None
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(self._state, event)
            except Exception as failure:
                error = error or failure
        if error is not None and self._failed is None:
            raise error
        # What reports it is an event again, of which the same subscriber may fail.
        if error is not None and self._failed is not None and not self._failing:
            self._failing = True
            try:
                self._failed(error)
            finally:
                self._failing = False

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)
