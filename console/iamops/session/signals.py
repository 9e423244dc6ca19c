"""Signals that end a command: handled in its loop while it runs; once its code is settled, they change nothing.

asyncio's own handlers go when the loop is closed. A signal that comes between then and the end of the process
would kill it, and its caller would take that for the outcome. Loads no asyncio: short commands do without.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def on_signal(loop: asyncio.AbstractEventLoop, number: int, callback: Callable[..., object], *args: Any) -> None:
    """Like `loop.add_signal_handler`, and it stays when the loop has gone: a Ctrl-C until `exit_on_signal`."""

    def on_signal(_number: int, _frame: object) -> None:
        if loop.is_closed():
            raise KeyboardInterrupt
        loop.call_soon_threadsafe(callback, *args)

    # A loop is sure to wake up for a signal only while it handles one itself. This one does nothing by default.
    loop.add_signal_handler(signal.SIGURG, lambda: None)
    signal.signal(number, on_signal)


def exit_on_signal(code: int) -> None:
    """From now on a signal ends the process at once, with this code. Its output must have been written."""
    for number in _meant():
        signal.signal(number, lambda _number, _frame: os._exit(code))


def ignore() -> None:
    """For the very end, where nothing can last any more."""
    for number in _meant():
        signal.signal(number, signal.SIG_IGN)


def _meant() -> list[signal.Signals]:
    """Without those that the caller wants to be ignored, as nohup does."""
    return [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
