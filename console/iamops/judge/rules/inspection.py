"""How rules read a deep look: each part or why it is missing, and the nodes' clocks brought to ours."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from iamops.judge.findings import Evidence, NotEvaluated
from iamops.judge.rules.base import Answer, Rule, RuleInput, evidence_at, nodes, reason_of
from iamops.model.inspection import JournalEntry, JournalEventKind, JournalInspection, NodeInspection
from iamops.model.observed import Known, Observed, Unknown
from iamops.model.state import NodeState

T = TypeVar("T")
# Two clocks, and the time that a look takes.
REACH_SLACK_S = 30.0
# Where the offset of a node's clock is known, nothing can have been written so far ahead of ours.
AHEAD_S = 30.0
NO_LOOK: Observed[Any] = Unknown("no deep look was taken")


def inspected(
    view: RuleInput, part: Callable[[NodeInspection], Observed[T]], codes: Iterable[str], what: str
) -> Iterator[tuple[NodeState, Known[T]] | NotEvaluated]:
    """Each node with a part of its look that is known; a NotEvaluated per code where it is not."""
    for node in nodes(view):
        look = inspection_of(view, node)
        seen = part(look) if look is not None else NO_LOOK
        if isinstance(seen, Known):
            yield node, seen
        else:
            yield from (NotEvaluated(code, what, reason_of(seen), node.name) for code in codes)


def inspection_of(view: RuleInput, node: NodeState) -> NodeInspection | None:
    """What a deep look found on the node; None where none was taken."""
    return view.inspection.nodes.get(node.name) if view.inspection is not None else None


def ours(node: NodeState, at: float) -> float:
    """A time of the node's clock on ours, as far as its offset is known."""
    if isinstance(node.host, Unknown):
        return at
    return at - (node.host.value.clock_offset_ms or 0.0) / 1000


def age_s(node: NodeState, at: float, now: float) -> float:
    return max(0.0, now - ours(node, at))


def lately(node: NodeState, at: float, span_s: float, now: float) -> bool:
    """Whether it was said within the last `span_s`.

    A line from the future was dated by a clock that has been set back since: when that was is not known.
    """
    ahead_s = math.inf if isinstance(node.host, Unknown) else AHEAD_S
    return -ahead_s <= now - ours(node, at) <= span_s


def line(node: NodeState, said: JournalEntry, now: float) -> Evidence:
    """A journal line as evidence."""
    return evidence_at(ours(node, said.at), said.text, f"journal of {said.unit}", node.name, now)


def of_kind(journal: JournalInspection, unit: str, *kinds: JournalEventKind) -> tuple[JournalEntry, ...]:
    return tuple(said for said in journal.entries if said.unit == unit and said.kind in kinds)


def since_start(journal: JournalInspection, unit: str) -> tuple[JournalEntry, ...]:
    """What the unit's process of now has said: everything since it was last started."""
    own = [said for said in journal.entries if said.unit == unit]
    starts = [n for n, said in enumerate(own) if said.kind in (JournalEventKind.STOPPED, JournalEventKind.CRASHED)]
    return tuple(own[starts[-1] + 1 :] if starts else own)


def ago(seconds: float) -> str:
    """Rough, for a title."""
    return f"{seconds:.0f} s ago" if seconds < 120 else f"{seconds / 60:.0f} min ago"


def each_node(
    code: str,
    what: str,
    part: Callable[[NodeInspection], Observed[T]],
    ask: Callable[[RuleInput, NodeState, Known[T], float], Iterable[Answer]],
) -> Rule:
    """A rule that asks the same of every node's part; where that is not known it says that it is blind."""

    def every(view: RuleInput, now: float) -> Iterator[Answer]:
        for each in inspected(view, part, (code,), what):
            if isinstance(each, NotEvaluated):
                yield each
            else:
                yield from ask(view, *each, now)

    return Rule((code,), every)


def each_journal(
    code: str,
    what: str,
    span_s: float,
    ask: Callable[[RuleInput, NodeState, Known[JournalInspection], float], Iterable[Answer]],
) -> Rule:
    """A rule about the last `span_s` of every node's journal: blind where the journal does not go back so far."""

    def told(view: RuleInput, node: NodeState, seen: Known[JournalInspection], now: float) -> Iterator[Answer]:
        yield from ask(view, node, seen, now)
        yield from too_short(code, what, node, seen.value, span_s, now)

    return each_node(code, what, lambda look: look.journal, told)


def too_short(
    code: str, what: str, node: NodeState, journal: JournalInspection, span_s: float, now: float
) -> Iterator[NotEvaluated]:
    """What was logged before the journal's beginning is not known."""
    if journal.since is None:
        return
    reach_s = age_s(node, journal.since, now)
    if reach_s < span_s - REACH_SLACK_S:
        because = f"its journal goes back {reach_s / 60:.0f} min only, of {span_s / 60:.0f}"
        yield NotEvaluated(code, what, because, node.name)
