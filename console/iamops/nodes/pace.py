"""How often nodes are asked: at full rate while anything is wrong or somebody acts, else in turns with others.

Watchers know of each other through shared locks on directories of the node that everybody may open: nothing is
written, and a lock ends with its connection.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from iamops.nodes.transport import Clock
from iamops.parse.host import WatchTurn

if TYPE_CHECKING:
    from iamops.judge.triage.events import CalmSigns

# All is well when nothing has changed for this long.
SETTLED_S = 15.0
# A problem that has not changed for this long is known; looking more often shows nothing new.
STANDING_S = 300.0
# An operator who asks for fresh values is about to act on them.
ATTENTION_S = 30.0
ALARM_S = 10.0


@dataclass(frozen=True, slots=True)
class Beat:
    """A rhythm in seconds: `full_s` for each watcher, `calm_s` for all watchers together.

    `share`: only one turn in so many is taken, for what several nodes look at.
    """

    full_s: float
    calm_s: float
    share: int = 1


HTTP = Beat(2.0, 10.0)
STORES = Beat(5.0, 10.0)
CLIENT = Beat(1.0, 5.0)
# A certificate lasts for months; but an operator who has replaced one wants to see it.
CERTIFICATES = Beat(15.0, 60.0)


def peers_beat(peers: int) -> Beat:
    """At every second turn a peer looks too; several peers share that."""
    return Beat(5.0, HTTP.calm_s, 2 * max(1, peers))


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


@dataclass(slots=True)
class Pace:
    """One for a session. Everything is at full rate until `judge` is given a state in which all is well.

    `hurry()` is called when full rate begins: collectors that wait for their turn are to look now. `alarmed()`: it
    begins because of what was seen here, so other watchers are to be alarmed too.
    """

    clock: Clock
    hurry: Callable[[], None]
    alarmed: Callable[[], None] = lambda: None
    _signs: CalmSigns | None = None
    _full_until: float = math.inf
    _attended_until: float = -math.inf
    _holds: int = 0
    _seats: dict[str, Seat] = field(default_factory=dict)
    _alarms: dict[str, int] = field(default_factory=dict)

    @classmethod
    def always_full(cls) -> Pace:
        """For commands that are over before anything could be calm."""
        return cls(lambda: 0.0, lambda: None)

    @property
    def calm(self) -> bool:
        return not self._holds and self.clock() >= max(self._full_until, self._attended_until)

    def attend(self, for_s: float = ATTENTION_S) -> None:
        """Somebody looks closely, or acts."""
        was_calm = self.calm
        self._attended_until = max(self._attended_until, self.clock() + for_s)
        if was_calm:
            self.hurry()

    @contextlib.contextmanager
    def held_full(self) -> Iterator[None]:
        """Full rate for as long as the context lasts, and a while after it."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            self.attend()

    def judge(self, signs: CalmSigns) -> None:
        """Takes the signs of the current state: equal while nothing happens."""
        if self._signs == signs:
            return
        was_calm, self._signs = self.calm, signs
        self._full_until = self.clock() + (STANDING_S if signs.bad else SETTLED_S)
        if was_calm:
            self.hurry()
            if signs.bad:
                self.alarmed()

    def seat(self, node: str, turn: WatchTurn | None) -> None:
        """Our turn on a node as it was just read; None where nobody can be counted: then we are alone."""
        if turn is None:
            self._seats.pop(node, None)
            self._alarms.pop(node, None)
            return
        self._seats[node] = Seat(turn.rank, turn.watchers, turn.uptime_s - self.clock())
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
        # A look a little before its turn by the node's clock counts as that turn.
        had_until = began + beat.calm_s / 10
        return max(had_until, min(began + promised_s, self._seat(node).next_after(had_until, beat)))

    def _seat(self, node: str | None) -> Seat:
        """`None`: what is no node's, such as a VIP. Any node's round will do, as long as all take the same."""
        found = min(self._seats, default=None) if node is None else node
        return self._seats.get(found, Seat()) if found is not None else Seat()
