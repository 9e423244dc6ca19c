"""What differs from action to action when it is planned: one planner for each, chosen in `build.planner_of`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Generic, TypeVar

from iamops.model.state import ClusterState
from iamops.plan.action import Action
from iamops.plan.steps import Forecast, Impact, Plan

A_co = TypeVar("A_co", bound=Action, covariant=True)


class Planner(ABC, Generic[A_co]):
    """One action beside the observed state. Its methods raise NotKnown for what a plan cannot do without."""

    def __init__(self, action: A_co, state: ClusterState, now: float) -> None:
        """Raises NoSuchTarget."""
        action.check(state.profile)
        self.action, self.state, self.now = action, state, now
        self.profile = state.profile

    @abstractmethod
    def impact(self) -> Impact:
        """What the action does to VIPs and services."""

    @abstractmethod
    def plan(self) -> Plan:
        """Its steps, and what must be so in the end."""

    @abstractmethod
    def forecast(self, impact: Impact) -> Forecast | None:
        """What clients may lose; None: the action has budgets of its own."""

    def watched_nodes(self) -> Iterable[str]:
        """The nodes whose keepalived must be as well afterwards as it was before."""
        return ()

    def vrrp_nodes(self) -> Iterable[str]:
        """The nodes whose VRRP states the plan asks for."""
        return self.watched_nodes()

    def acted_on(self, nodes: tuple[str, ...]) -> Iterable[tuple[str, str]]:
        """The units that are started, stopped, restarted or reloaded, each with its node."""
        return ()

    def lost_backends(self, nodes: tuple[str, ...]) -> Iterable[tuple[str, str]]:
        """Units that go with a whole machine, with their nodes."""
        return ()

    def awaited(self, nodes: tuple[str, ...]) -> Iterable[tuple[str, str]]:
        """Units that fall with these and must be well again, with their nodes."""
        return ()
