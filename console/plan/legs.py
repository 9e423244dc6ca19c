"""A drill's steps with their roles resolved: who is owner and standby when each of them begins. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from console.model.drill import EACH, OWNER, STANDBY, Drill, Move, Verb, VipOn


@dataclass(frozen=True, slots=True)
class Leg:
    """One step with the nodes that its roles mean."""

    number: int
    move: Move
    owner: str
    standby: str

    def node(self, who: str) -> str:
        """The node that a role means; a node's own name is left as it is."""
        return {OWNER: self.owner, STANDBY: self.standby}.get(who, who)

    @property
    def acted_on(self) -> str:
        """The node whose check script matters for this step; of several, the owner."""
        return self.owner if self.move.on == EACH else self.node(self.move.on)

    @property
    def moves_vip(self) -> bool:
        return self.owner != self.next_owner

    @property
    def next_owner(self) -> str:
        """Who holds the VIP when this step is over."""
        if self.move.verb is Verb.SWITCHOVER:
            return self.standby
        wanted = [self.node(each.who) for each in self.move.expect if isinstance(each, VipOn)]
        return wanted[-1] if wanted else self.owner


def legs(drill: Drill, owner: str, standby: str) -> tuple[Leg, ...]:
    """Every step of method and restore, in order."""
    return tuple(_legs(drill, owner, standby))


def _legs(drill: Drill, owner: str, standby: str) -> Iterator[Leg]:
    for number, move in enumerate(drill.moves):
        leg = Leg(number, move, owner, standby)
        yield leg
        if leg.next_owner != owner:
            owner, standby = leg.next_owner, owner
