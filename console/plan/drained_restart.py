"""A rolling restart that no request notices: drain a node's backend everywhere, restart it, put it back. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from console.model.state import ClusterState
from console.plan.action import DrainedRestart, ServiceAction, Verb
from console.plan.backends import serving_again
from console.plan.config_change import NodeChange
from console.plan.config_pieces import (
    APPLY_TIMEOUT_S,
    arm_back,
    check,
    config,
    drained,
    nginx_well,
    reload_nginx,
    replace_files,
    stage,
    taken_back,
)
from console.plan.impact import impact_of, rolling_order
from console.plan.known import may_hold
from console.plan.pieces import HEALTHY_WITHIN_S, disarm, vips_stay
from console.plan.service import all_well, restart_steps
from console.plan.steps import Kind, Plan, Step

_PLAIN = re.compile("[A-Za-z0-9-]{1,40}")


def drained_plan(action: DrainedRestart, state: ClusterState, now: float) -> Plan:
    """Node after node, each seen without requests before it is restarted, and healthy before it gets any again.
    What fell with it is back before the next.
    """
    impact = impact_of(action, state, now)
    order = rolling_order(state, action.unit, now)
    return Plan(
        action,
        f"{action.unit} restarts on {' then '.join(order)}, each while it gets no requests; the VIP stays",
        tuple(step for node in order for step in _round(action, node, state, now, last=node == order[-1])),
        tuple(vips_stay(state, tuple(state.profile.vrrp), now)),
        impact,
    )


def push_name(push: str, node: str, nodes: Sequence[str]) -> str:
    """Of the push that drains this node. The nodes' script takes letters, digits and hyphens, 64 in all."""
    return f"{push}-{node if _PLAIN.fullmatch(node) else nodes.index(node) + 1}"


def _round(action: DrainedRestart, node: str, state: ClusterState, now: float, *, last: bool) -> Iterator[Step]:
    changes = sorted(action.drained[node].values(), key=lambda change: may_hold(state, change.node, now))
    push = push_name(action.push, node, list(state.nodes))
    yield from (stage(change, push, action.meta, state) for change in changes)
    yield from (check(change.node, f"drain-of-{node}") for change in changes)
    for change in changes:
        yield arm_back(change, push, state)
        yield replace_files(change)
        yield reload_nginx(change.node, state, now)
    yield drained(action.drains[node], state)
    yield from restart_steps(ServiceAction(Verb.RESTART, action.unit, node), state, now)
    for change in changes:
        yield from _enabled(change, push, state)
    yield from all_well(state, action.unit, node, last=last)
    yield from serving_again(state, action.unit, node)


def _enabled(change: NodeChange, push: str, state: ClusterState) -> Iterator[Step]:
    """The way back is the same as the undo: the files that were there before."""
    undo, node = taken_back(change, push, state), change.node
    yield Step(
        Kind.DO,
        f"put the files back on {node}, and reload",
        node,
        config("restore"),
        APPLY_TIMEOUT_S,
        nginx_well(state, node),
        within_s=HEALTHY_WITHIN_S,
        mends=undo.name,
        puts_back=undo.files,
    )
    yield disarm(undo)
