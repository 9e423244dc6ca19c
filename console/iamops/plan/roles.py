"""A drill's steps with their roles resolved: who is owner and standby when each of them begins. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from iamops.model.drill import EACH, OTHER, OWNER, PREFERRED, STANDBY, Drill, DrillStep, DrillVerb, VipMovesTo


@dataclass(frozen=True, slots=True)
class ResolvedStep:
    """One step with the nodes that its roles mean."""

    number: int
    move: DrillStep
    owner: str
    standby: str
    preferred: str

    def node(self, who: str) -> str:
        """The node that a role means; a node's own name is left as it is."""
        # Of the two, the one that is not preferred.
        other = self.standby if self.owner == self.preferred else self.owner
        roles = {OWNER: self.owner, STANDBY: self.standby, PREFERRED: self.preferred, OTHER: other}
        return roles.get(who, who)

    def nodes(self, every: Iterable[str]) -> tuple[str, ...]:
        """The nodes that the step acts on, of all that there are."""
        return tuple(every) if self.move.on == EACH else (self.target,)

    @property
    def target(self) -> str:
        """The node of a step that acts on one."""
        return self.node(self.move.on)

    @property
    def unit(self) -> str:
        """The unit of a step that is about one."""
        return self.move.unit or ""

    @property
    def acted_on(self) -> str:
        """The node whose check script matters for this step; of several, the owner."""
        return self.owner if self.move.on == EACH else self.target

    @property
    def moves_vip(self) -> bool:
        return self.owner != self.next_owner

    @property
    def next_owner(self) -> str:
        """Who holds the VIP when this step is over."""
        if self.move.verb is DrillVerb.SWITCHOVER:
            return self.standby
        if self.move.verb is DrillVerb.THAW:
            return self.preferred  # two masters meet, and the higher priority stays
        expected = [self.node(effect.who) for effect in self.move.expect if isinstance(effect, VipMovesTo)]
        return expected[-1] if expected else self.owner


def resolved_steps(drill: Drill, owner: str, standby: str, preferred: str) -> tuple[ResolvedStep, ...]:
    """Every step of method and restore, in order. `preferred` has the higher priority."""
    steps = list[ResolvedStep]()
    for number, move in enumerate(drill.steps):
        steps.append(ResolvedStep(number, move, owner, standby, preferred))
        if (next_owner := steps[-1].next_owner) != owner:
            owner, standby = next_owner, owner
    return tuple(steps)
