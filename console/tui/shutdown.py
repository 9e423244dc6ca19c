"""Ends the console: at once, or as soon as a run under way has been undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from console.model.facts import Severity

if TYPE_CHECKING:
    from console.tui.orders import Orders

QUIT_AGAIN_S = 5.0


class Host(Protocol):
    """What is needed of the console."""

    def exit(self, result: None = ..., return_code: int = ...) -> None: ...

    def say(self, text: str, severity: Severity = ...) -> None: ...


class Shutdown:
    """Begun by `quit` or `begin`, ended by whoever calls `proceed` when a run is over.

    `orders()` is None as long as nothing was loaded that could act.
    """

    def __init__(self, host: Host, orders: Callable[[], Orders | None], now: Callable[[], float]) -> None:
        self._host, self._orders, self._now = host, orders, now
        self._quit_asked_at = float("-inf")
        self._begun = False
        self.waited = False

    def quit(self) -> None:
        """At once, unless that would undo something: then it takes a second time."""
        now, orders = self._now(), self._orders()
        if orders is not None and orders.acting.active and now - self._quit_asked_at > QUIT_AGAIN_S:
            self._quit_asked_at = now
            self._host.say(
                f"{orders.acting.running} is under way: press q again to undo it and quit", Severity.WARNING
            )
            return
        self.begin()

    def begin(self) -> None:
        """Has a run under way undone first, and ends with its exit code. Safe to call from a signal."""
        orders = self._orders()
        if orders is None or not orders.acting.active:
            self._host.exit(return_code=orders.exit_code if orders is not None and self._begun else 0)
            return
        self._begun = self.waited = True
        orders.acting.stop()
        orders.show_run()

    def proceed(self) -> None:
        """Something about the run is different; if it is over and was in the way, the console ends."""
        orders = self._orders()
        if self._begun and not (orders is not None and orders.acting.active):
            self.begin()
