"""Work that waits, beside the screen."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, cast

from textual.app import App

if TYPE_CHECKING:
    from textual.worker import WorkType

Work = Callable[[], Coroutine[Any, Any, object]]


def begin(app: App[None], work: Work, name: str) -> None:
    """Starts it; a second one of its name takes the place of the first.

    What makes the coroutine is given, not the coroutine: a console that ends first would never await it.
    """
    app.run_worker(cast("WorkType[object]", work), name=name, group=name, exclusive=True, exit_on_error=False)
