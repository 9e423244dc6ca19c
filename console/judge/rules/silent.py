"""A node that is connected and tells nothing of itself: not down, not well, and not a matter of time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from console.judge.findings import Evidence, Finding
from console.judge.rules.view import SETTLED_AFTER_S, Answer, Rule, View, nodes, said_at
from console.model.facts import LinkState, Severity
from console.model.observed import UNKNOWN_AFTER_S, Known, Observed, Unknown, is_pending
from console.model.state import NodeState

# Every command of a collector has given up by then.
SILENT_AFTER_S = 6.0
SHOWN = 3
# So many of its sources must have failed, beside the silence: a console that slept has heard nothing either.
FAILED = 2
CAUSES = (
    "a login shell that runs nothing (nologin, ForceCommand) or is slow to start, sshd that opens no session "
    "(MaxSessions), or a way back that loses large packets (MTU)"
)


def node_silent(view: View, now: float) -> Iterator[Answer]:
    for node in nodes(view):
        if node.link.state is LinkState.UP and is_silent(view, node, now):
            reasons = _reasons(node, now)
            what = reasons[0].value if reasons else _quiet(node, now)
            yield Finding(
                "node-silent",
                Severity.CRITICAL,
                f"{node.name} is connected over SSH and tells nothing of itself: {what}",
                (said_at(node.link.since, "connected", "SSH", node.name, now), *reasons),
                f"look: time ssh {node.name} id, with the user and key of the profile",
                node.name,
                cause=CAUSES,
            )


def is_silent(view: View, node: NodeState, now: float) -> bool:
    """Nothing that a command told is known, and it is not for want of time; or nothing came at all for long."""
    since = node.link.since if node.link.since is not None else now
    own = tuple(_own(node))
    if now - max(since, node.heard_at or since) > UNKNOWN_AFTER_S and len(_failed(node)) >= FAILED:
        return True
    look = view.look.nodes.get(node.name) if view.look is not None else None
    if any(isinstance(seen, Known) for seen in own) or (look is not None and look.any):
        return False
    if view.final or look is not None:
        return True
    tried = now - since >= SETTLED_AFTER_S and not any(is_pending(seen) for seen in own)
    return tried or now - since >= SILENT_AFTER_S


def _sources(node: NodeState) -> tuple[tuple[Observed[Any], ...], ...]:
    """What commands on the node tell of it. Health is not among that: sshd forwards connections without any."""
    units, vrrp = tuple(node.units.values()), tuple(node.vrrp.values())
    return (node.addresses,), (node.host,), (node.safety,), units, vrrp


def _own(node: NodeState) -> Iterator[Observed[Any]]:
    return (seen for source in _sources(node) for seen in source)


def _lost(seen: Observed[Any]) -> bool:
    return isinstance(seen, Unknown) and not is_pending(seen)


def _failed(node: NodeState) -> tuple[tuple[Observed[Any], ...], ...]:
    return tuple(source for source in _sources(node) if source and all(map(_lost, source)))


def _reasons(node: NodeState, now: float) -> tuple[Evidence, ...]:
    """Why, the reason that most of it has first. It has been so since the connection stands, as far as known."""
    told = Counter(seen.reason for seen in _own(node) if isinstance(seen, Unknown) and _lost(seen))
    return tuple(said_at(node.link.since, reason, "SSH", node.name, now) for reason, _ in told.most_common(SHOWN))


def _quiet(node: NodeState, now: float) -> str:
    """For how long no command told anything: its link may have said something a moment ago."""
    told = [seen.at for seen in _own(node) if isinstance(seen, Known)]
    since = max(told, default=node.link.since)
    return "no answer yet" if since is None else f"no answer for {now - since:.0f} s"


RULES = (Rule(("node-silent",), node_silent),)
