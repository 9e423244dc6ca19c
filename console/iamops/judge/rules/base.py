"""What a rule is given and may answer; how it reads the state and an inspection, and why one is missing."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from iamops.judge.findings import About, Evidence, Finding, NotEvaluated, Role
from iamops.model.facts import ProbeReport
from iamops.model.observed import Freshness, Known, Observed, Unknown
from iamops.model.profile import Profile
from iamops.model.split_brain import HANDOVER_S
from iamops.model.state import ClusterState, NodeState
from iamops.model.vip import ownership

# The rules of the live state must not load what only an inspection needs.
if TYPE_CHECKING:
    from iamops.judge.lint.finding import LintReport
    from iamops.model.inspection import (
        Inspection,
        JournalEntry,
        JournalEventKind,
        JournalInspection,
        NodeInspection,
    )


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


T = TypeVar("T")
Part: TypeAlias = "Callable[[NodeInspection], Observed[T]]"
AskPart: TypeAlias = Callable[[RuleInput, NodeState, Known[T], float], Iterable[Answer]]
AskJournal: TypeAlias = "AskPart[JournalInspection]"
# Two clocks, and the time that an inspection takes.
REACH_SLACK_S = 30.0
# Where the offset of a node's clock is known, nothing can have been written so far ahead of ours.
AHEAD_S = 30.0


def inspected(
    view: RuleInput, part: Part[T], codes: Iterable[str], what: str
) -> Iterator[tuple[NodeState, Known[T]] | NotEvaluated]:
    """Each node with the part of its inspection, or a NotEvaluated for each code where that is not known."""
    for node in nodes(view):
        inspection = inspection_of(view, node.name)
        seen = part(inspection) if inspection is not None else NO_LOOK
        if isinstance(seen, Known):
            yield node, seen
        else:
            yield from not_evaluated(codes, what, reason_of(seen), node.name)


def known_parts(
    view: RuleInput, part: Part[T], codes: Iterable[str], what: str
) -> Generator[NotEvaluated, None, list[tuple[NodeState, Known[T]]]]:
    """The same, with the nodes whose part is known as the generator's value."""
    known = []
    for answer in inspected(view, part, codes, what):
        if isinstance(answer, NotEvaluated):
            yield answer
        else:
            known.append(answer)
    return known


def inspection_of(view: RuleInput, node: str) -> NodeInspection | None:
    return view.inspection.nodes.get(node) if view.inspection is not None else None


def journal(inspection: NodeInspection) -> Observed[JournalInspection]:
    return inspection.journal


def ours(node: NodeState, at: float) -> float:
    """A time of the node's clock on ours, as far as its offset is known."""
    if isinstance(node.host, Unknown):
        return at
    return at - (node.host.value.clock_offset_ms or 0.0) / 1000


def age_s(node: NodeState, at: float, now: float) -> float:
    return max(0.0, now - ours(node, at))


def lately(node: NodeState, at: float, span_s: float, now: float) -> bool:
    """Whether it was logged within the last `span_s`.

    A line from the future was dated by a clock that has been set back since: when that was is not known.
    """
    ahead_s = math.inf if isinstance(node.host, Unknown) else AHEAD_S
    return -ahead_s <= now - ours(node, at) <= span_s


def line(node: NodeState, entry: JournalEntry, now: float) -> Evidence:
    return evidence_at(ours(node, entry.at), entry.text, f"journal of {entry.unit}", node.name, now)


def of_kind(entries: JournalInspection, unit: str, *kinds: JournalEventKind) -> tuple[JournalEntry, ...]:
    return tuple(entry for entry in entries.entries if entry.unit == unit and entry.kind in kinds)


def ago(seconds: float) -> str:
    """Rough, for a title."""
    return f"{seconds:.0f} s ago" if seconds < 120 else f"{seconds / 60:.0f} min ago"


def each_node(what: str, part: Part[T], *codes: str) -> Callable[[AskPart[T]], Rule]:
    """Decorator: a rule that is asked of a part of every node's inspection, and not evaluated without it."""

    def made(ask: AskPart[T]) -> Rule:
        def all_nodes(view: RuleInput, now: float) -> Iterator[Answer]:
            for answer in inspected(view, part, codes, what):
                if isinstance(answer, NotEvaluated):
                    yield answer
                else:
                    yield from ask(view, *answer, now)

        return Rule(codes, all_nodes)

    return made


def each_journal(what: str, span_s: float, *codes: str) -> Callable[[AskJournal], Rule]:
    """Decorator: a rule about the last `span_s` of every node's journal, evaluated in part for a shorter one."""

    def made(ask: AskJournal) -> Rule:
        def of_span(
            view: RuleInput, node: NodeState, seen: Known[JournalInspection], now: float
        ) -> Iterator[Answer]:
            yield from ask(view, node, seen, now)
            yield from too_short(codes, what, node, seen.value, span_s, now)

        return each_node(what, journal, *codes)(of_span)

    return made


def too_short(
    codes: Iterable[str], what: str, node: NodeState, entries: JournalInspection, span_s: float, now: float
) -> Iterator[NotEvaluated]:
    """What was logged before the journal's beginning is not known."""
    reach_s = math.inf if entries.since is None else age_s(node, entries.since, now)
    if reach_s < span_s - REACH_SLACK_S:
        because = f"its journal goes back {reach_s / 60:.0f} min only, of {span_s / 60:.0f}"
        yield from not_evaluated(codes, what, because, node.name)
