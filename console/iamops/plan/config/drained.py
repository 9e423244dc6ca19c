"""The plan of a restart that drains first: node by node, each restarted while it gets no requests. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from iamops.plan.action import DrainedRestart, ServiceAction, UnitVerb
from iamops.plan.backends import serving_again
from iamops.plan.check_timing import asked_checks, decides_s
from iamops.plan.config.push import (
    APPLY_TIMEOUT_S,
    arm_back,
    check,
    config,
    nginx_well,
    reload_nginx,
    replace_files,
    stage,
    taken_back,
    wait_until_drained,
)
from iamops.plan.impact import AT_ONCE_S
from iamops.plan.known import may_hold
from iamops.plan.rolling import all_well, fallen_units, rolling_impact, rolling_order
from iamops.plan.service import ServicePlanner
from iamops.plan.step_builders import HEALTHY_WITHIN_S, disarm, vips_stay
from iamops.plan.steps import Forecast, Impact, Plan, Planner, Step, StepKind

_PLAIN = re.compile("[A-Za-z0-9-]{1,40}")


class DrainedPlanner(Planner[DrainedRestart]):
    """Node after node, each seen without requests before it is restarted, and healthy before it gets any again."""

    def impact(self) -> Impact:
        return rolling_impact(self.state, self.action.unit, self.now)

    def plan(self) -> Plan:
        unit, impact = self.action.unit, self.impact()
        nodes = rolling_order(self.state, unit, self.now)
        return Plan(
            self.action,
            f"{unit} restarts on {' then '.join(nodes)}, each while it gets no requests; the VIP stays",
            tuple(step for node in nodes for step in self._round(node, last=node == nodes[-1])),
            tuple(vips_stay(self.state, tuple(self.profile.vrrp), self.now)),
            impact,
        )

    def forecast(self, impact: Impact) -> Forecast:
        open_on = (node for node in impact.touches if not asked_checks(self.state, node))
        return Forecast(0.0, max([AT_ONCE_S, *(decides_s(self.state, node) for node in open_on)]))

    def watched_nodes(self) -> tuple[str, ...]:
        return tuple(self.profile.nodes)

    def acted_on(self, nodes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        return ((unit, node) for node in nodes for unit in (self.action.unit, self.profile.nginx.unit))

    def awaited(self, nodes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        return fallen_units(self.profile, self.action.unit, nodes)

    def _round(self, node: str, *, last: bool) -> Iterator[Step]:
        """Drained, restarted, put back, and what fell with it is back before the next."""
        action, state = self.action, self.state
        changes = sorted(action.drained[node].values(), key=lambda change: may_hold(state, change.node, self.now))
        push = push_name(action.push, node, list(state.nodes))
        yield from (stage(change, push, action.meta, state) for change in changes)
        yield from (check(change.node, f"drain-of-{node}") for change in changes)
        for change in changes:
            yield arm_back(change, push, state)
            yield replace_files(change)
            yield reload_nginx(change.node, state, self.now)
        yield wait_until_drained(action.drains[node], state)
        restart = ServicePlanner(ServiceAction(UnitVerb.RESTART, action.unit, node), state, self.now)
        yield from restart.steps(restart.impact())
        for change in changes:
            # The way back is the same as the undo: the files that were there before.
            undo = taken_back(change, push, state)
            yield Step(
                StepKind.DO,
                f"put the files back on {change.node}, and reload",
                change.node,
                config("restore"),
                APPLY_TIMEOUT_S,
                nginx_well(state, change.node),
                within_s=HEALTHY_WITHIN_S,
                clears_undo=undo.name,
                puts_back=undo.files,
            )
            yield disarm(undo)
        yield from all_well(restart, last=last)
        yield from serving_again(state, action.unit, node)


def push_name(push: str, node: str, nodes: Sequence[str]) -> str:
    """Of the push that drains this node. The nodes' script takes letters, digits and hyphens, 64 in all."""
    return f"{push}-{node if _PLAIN.fullmatch(node) else nodes.index(node) + 1}"
