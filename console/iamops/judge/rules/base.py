"""What a rule is given, what it may answer, and the small questions that many rules ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from iamops.judge.findings import About, Evidence, Finding, NotEvaluated, Role
from iamops.model.contest import HANDOVER_S
from iamops.model.facts import ProbeReport
from iamops.model.observed import Freshness, Known, Observed, Unknown
from iamops.model.profile import Profile
from iamops.model.state import ClusterState, NodeState
from iamops.model.vip import ownership

# The rules of the live state must not load what only an inspection needs.
if TYPE_CHECKING:
    from iamops.judge.lint.finding import LintReport
    from iamops.model.inspection import Inspection

# A planned move is over within a second, and for a moment its witnesses disagree; trouble lasts.
SETTLED_AFTER_S = HANDOVER_S
NO_LOOK = Unknown("no deep look was taken")


@dataclass(frozen=True, slots=True)
class RuleInput:
    """The cluster's state and, where one was taken, what an inspection found; rules of the live state need none.

    `unreadable`: node -> why its files could not be read. `final`: nothing more is waited for, and what has not
    come is missing.
    """

    state: ClusterState
    inspection: Inspection | None = None
    lint: Observed[LintReport] = NO_LOOK
    unreadable: Mapping[str, str] = field(default_factory=dict)
    final: bool = False


Answer: TypeAlias = Finding | NotEvaluated
Ask: TypeAlias = Callable[[RuleInput, float], Iterable[Answer]]
AskNode: TypeAlias = Callable[[RuleInput, NodeState, float], Iterable[Answer]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One question, and the codes it may answer with."""

    codes: tuple[str, ...]
    ask: Ask


def rule(*codes: str) -> Callable[[Ask], Rule]:
    """Decorator: the function is the rule with these codes."""
    return lambda ask: Rule(codes, ask)


def each_live(what: str, *codes: str) -> Callable[[AskNode], Rule]:
    """Decorator: a rule that is asked of every node that is heard now, and not evaluated for the others."""

    def made(ask: AskNode) -> Rule:
        def all_nodes(view: RuleInput, now: float) -> Iterator[Answer]:
            yield from unheard(view, now, codes, what)
            for node in live(view, now):
                yield from ask(view, node, now)

        return Rule(codes, all_nodes)

    return made


def not_evaluated(
    codes: Iterable[str], what: str, because: str, node: str | None = None
) -> Iterator[NotEvaluated]:
    return (NotEvaluated(code, what, because, node) for code in codes)


def evidence_of(seen: Observed[object], value: str, source: str, node: str | None, now: float) -> Evidence:
    return Evidence(value, source, node, seen.age_s(now))


def evidence_at(at: float | None, value: str, source: str, node: str | None, now: float) -> Evidence:
    """Evidence that carries its own time."""
    return Evidence(value, source, node, None if at is None else max(0.0, now - at))


def probed(seen: Observed[ProbeReport], name: str, source: str, node: str | None, now: float) -> Evidence:
    result = "unknown" if isinstance(seen, Unknown) else f"{seen.value.outcome}: {seen.value.detail}".rstrip(": ")
    return evidence_of(seen, f"{name}: {result}" if name else result, source, node, now)


def nodes(view: RuleInput) -> Iterable[NodeState]:
    return view.state.nodes.values()


def live(view: RuleInput, now: float) -> Iterator[NodeState]:
    """Only what is heard now may be judged."""
    return (node for node in nodes(view) if node.freshness(now) is Freshness.LIVE)


def unheard(view: RuleInput, now: float, codes: Iterable[str], what: str) -> Iterator[NotEvaluated]:
    """What cannot be judged of the nodes that are not heard now."""
    for node in nodes(view):
        if node.freshness(now) is Freshness.LIVE:
            continue
        if node.link.reason:
            because = f"{node.name} cannot be seen: {node.link.reason}"
        elif node.last_event_at is None:
            because = f"{node.name} was not heard yet"
        else:
            because = f"{node.name} was last heard {now - node.last_event_at:.0f} s ago"
        yield from not_evaluated(codes, what, because, node.name)


def reason_of(seen: Observed[object]) -> str:
    return seen.reason if isinstance(seen, Unknown) else "not known"


def settled(since: float | None, now: float) -> bool:
    return since is None or now - since >= SETTLED_AFTER_S


def about_unit(profile: Profile, unit: str, node: str) -> About:
    """A unit of a node, and what it is to the cluster, whatever its name."""
    services = tuple(s.name for s in profile.services.values() if s.unit == unit and s.runs_on(node))
    store = next((s for s in profile.datastores.values() if (s.unit, s.node) == (unit, node)), None)
    roles = {profile.keepalived.unit: Role.KEEPALIVED, profile.nginx.unit: Role.NGINX}
    return About(
        unit=unit,
        service=services[0] if services else "",
        store=store.name if store is not None else "",
        role=roles.get(unit, Role.DATASTORE if store is not None else Role.SERVICE),
        kind=store.kind if store is not None else None,
        services=services,
    )


def restart_step(view: RuleInput, unit: str, node: str, now: float) -> str:
    """On the owner a restart may move the VIP: there only the plan is shown."""
    owns = any(c.node == node for name in view.state.profile.vrrp for c in ownership(view.state, name, now).owners)
    return f"iamops restart {unit} {node}" + (" --dry-run" if owns else "")


def unit_running(node: NodeState, unit: str) -> bool:
    seen = node.units.get(unit)
    return isinstance(seen, Known) and seen.value.running


def unit_stopped(node: NodeState, unit: str) -> bool:
    """Known, and not running."""
    seen = node.units.get(unit)
    return isinstance(seen, Known) and not seen.value.running
