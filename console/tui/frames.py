"""Decides when to paint: at once after a silence, at most every 16 ms in a storm, calmly for routine news."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from console.tui.view.dirty import Part

URGENT_GAP_S = 0.016
ROUTINE_GAP_S = 0.25

Paint = Callable[[frozenset[Part]], None]
Later = Callable[[float, Callable[[], None]], object]


class Frames:
    """Gathers dirty parts and paints them. `later(delay_s, call)` runs a call on the front's own loop."""

    def __init__(self, paint: Paint, later: Later, clock: Callable[[], float] = time.monotonic) -> None:
        self._paint = paint
        self._later = later
        self._clock = clock
        self._dirty: frozenset[Part] = frozenset()
        self._painted_at = float("-inf")
        self._due_at = float("inf")
        self._ticket = 0

    def mark(self, parts: frozenset[Part], *, urgent: bool) -> None:
        """Notes that parts changed, and sees to it that a frame is due soon enough."""
        self._dirty |= parts
        now = self._clock()
        due_at = max(now, self._painted_at + (URGENT_GAP_S if urgent else ROUTINE_GAP_S))
        if due_at < self._due_at:
            self._due_at = due_at
            self._ticket += 1
            self._later(due_at - now, partial(self._flush, self._ticket))

    def _flush(self, ticket: int) -> None:
        """Paints what is dirty, unless an earlier frame was asked for meanwhile: then that one paints."""
        if ticket != self._ticket:
            return
        self._due_at = float("inf")
        dirty, self._dirty = self._dirty, frozenset()
        if dirty:
            self._painted_at = self._clock()
            self._paint(dirty)
