"""Flap damping: a few messages about one thing are sent at once; what comes on top is told as a sum."""

from __future__ import annotations

from dataclasses import dataclass, replace

LONGEST_WINDOW_S = 900.0


@dataclass(frozen=True, slots=True)
class Limits:
    """At most `at_once` single messages about one thing in `window_s`."""

    at_once: int = 3
    window_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Damper:
    """What was said about one thing lately.

    `told`: when single messages went out. `since`: the beginning of the sum that is being gathered, None while
    it is calm; `count`: how often it happened since then; `window_s`: how long this sum gathers. `total`: how
    often since it began to flap, `began`.
    """

    told: tuple[float, ...] = ()
    since: float | None = None
    window_s: float = 0.0
    count: int = 0
    began: float = 0.0
    total: int = 0

    @property
    def flapping(self) -> bool:
        return self.since is not None

    def happened(self, now: float, limits: Limits) -> tuple[Damper, bool]:
        """It happened once more: the damper afterwards, and whether to say so at once."""
        if self.since is not None:
            return replace(self, count=self.count + 1, total=self.total + 1), False
        lately = tuple(at for at in self.told if now - at < limits.window_s)
        if len(lately) < limits.at_once:
            return Damper((*lately, now)), True
        count = len(lately) + 1
        return Damper((), lately[0], limits.window_s, count, lately[0], count), False

    def due(self, now: float) -> bool:
        """Is the sum to be told now?"""
        return self.since is not None and now >= self.since + self.window_s

    def summed(self, now: float) -> Damper:
        """After the sum was told. Each further one gathers twice as long; nothing to tell means calm again."""
        if not self.count:
            return Damper()
        return replace(self, since=now, count=0, window_s=min(2 * self.window_s, LONGEST_WINDOW_S))

    def spent(self, now: float, limits: Limits) -> bool:
        """Nothing in it matters any more."""
        return not self.flapping and not any(now - at < limits.window_s for at in self.told)
