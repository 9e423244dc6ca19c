"""How often nodes are asked: at full rate while anything is not well or somebody acts, else in turns with others.

Watchers know of each other through shared locks on directories of the node that everybody may open: nothing is
written, and a lock ends with its connection.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Protocol

from iamops.parse.host import WatchTurn

# All is taken for well when nothing has changed for so long.
SETTLED_S = 15.0
# What is not well for so long without any change is known; looking more often shows nothing new.
STANDING_S = 300.0
# Whoever asks for a fresh look is about to act on it.
ATTENTION_S = 30.0
ALARM_S = 10.0


@dataclass(frozen=True, slots=True)
class Beat:
    """A rhythm in seconds: `full_s` for each watcher, `calm_s` for all watchers together.

    `share`: only each so manieth turn is taken, for what several nodes look at.
    """

    full_s: float
    calm_s: float
    share: int = 1


HTTP = Beat(2.0, 10.0)
STORES = Beat(5.0, 10.0)
CLIENT = Beat(1.0, 5.0)
# A certificate lasts for months; whoever has put in another one wants to see it.
CERTIFICATES = Beat(15.0, 60.0)
# Each second turn a peer looks too; several peers share that.
PEERS_FULL_S, PEERS_SHARE = 5.0, 2


def peers_beat(peers: int) -> Beat:
    return Beat(PEERS_FULL_S, HTTP.calm_s, PEERS_SHARE * max(1, peers))


class PaceSigns(Protocol):
    """What a state looks like as far as it matters here: equal while nothing happens."""

    @property
    def bad(self) -> frozenset[str]: ...

    @property
    def facts(self) -> Hashable: ...


@dataclass(frozen=True, slots=True)
class Seat:
    """Our place in a node's round. `ahead_s`: the node's uptime minus our clock, so that all agree on it."""

    rank: int = 0
    watchers: int = 1
    ahead_s: float = 0.0

    def period_s(self, beat: Beat) -> float:
        return beat.calm_s * beat.share * self.watchers

    def next_after(self, at: float, beat: Beat) -> float:
        """When our next turn begins."""
        first = self.rank * beat.calm_s - self.ahead_s
        period_s = self.period_s(beat)
        return first + (math.floor((at - first) / period_s) + 1) * period_s


class Pace:
    """One for all that is looked at in a session. Until it is told that all is well, everything is at full rate.

    `hurry()` is called when full rate begins: what waits for its turn is to look now. `alarmed()`: it begins
    because of what was seen here; other watchers are to hear of it.
    """

    def __init__(
        self, clock: Callable[[], float], hurry: Callable[[], None], alarmed: Callable[[], None] = lambda: None
    ) -> None:
        self._clock = clock
        self._hurry = hurry
        self._alarmed = alarmed
        self._signs: PaceSigns | None = None
        self._full_until = math.inf
        self._attended_until = -math.inf
        self._holds = 0
        self._seats: dict[str, Seat] = {}
        self._alarms: dict[str, int] = {}

    @classmethod
    def always_full(cls) -> Pace:
        """For looks that are over before anything could be said of calm."""
        return cls(lambda: 0.0, lambda: None)

    @property
    def calm(self) -> bool:
        return not self._holds and self._clock() >= max(self._full_until, self._attended_until)

    def attend(self, for_s: float = ATTENTION_S) -> None:
        """Somebody looks closely, or acts."""
        was_calm, until = self.calm, self._clock() + for_s
        self._attended_until = max(self._attended_until, until)
        if was_calm:
            self._hurry()

    @contextlib.contextmanager
    def held_full(self) -> Iterator[None]:
        """Full rate for as long as the context lasts, and a while behind it."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            self.attend()

    def judge(self, signs: PaceSigns) -> None:
        """What the state looks like now."""
        before, was_calm = self._signs, self.calm
        if before == signs:
            return
        self._signs = signs
        self._full_until = self._clock() + (STANDING_S if signs.bad else SETTLED_S)
        if was_calm:
            self._hurry()
            if signs.bad:
                self._alarmed()

    def seat(self, node: str, turn: WatchTurn | None) -> None:
        """Our turn on a node as it was just read; None where nobody can be counted: then we are alone."""
        if turn is None:
            self._seats.pop(node, None)
            self._alarms.pop(node, None)
            return
        self._seats[node] = Seat(turn.rank, turn.watchers, turn.uptime_s - self._clock())
        if turn.alarms > self._alarms.get(node, 0):
            self.attend(ALARM_S)
        self._alarms[node] = turn.alarms

    def period_s(self, node: str | None, beat: Beat) -> float:
        """How soon the next look is promised."""
        return self._seat(node).period_s(beat) if self.calm else beat.full_s

    def due(self, node: str | None, beat: Beat, began: float, promised_s: float) -> float:
        """When to look again, having begun at `began` and promised the next look within `promised_s`."""
        if not self.calm:
            return began + beat.full_s
        # What was looked at just now, a little before the node's clock said so, has had its turn.
        had_until = began + beat.calm_s / 10
        return max(had_until, min(began + promised_s, self._seat(node).next_after(had_until, beat)))

    def _seat(self, node: str | None) -> Seat:
        """`None`: what is no node's, such as a VIP. Any node's round will do, as long as all take the same."""
        found = min(self._seats, default=None) if node is None else node
        return self._seats.get(found, Seat()) if found is not None else Seat()
