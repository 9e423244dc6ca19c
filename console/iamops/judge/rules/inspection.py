"""How rules read an inspection: each part or why it is missing, and the nodes' clocks brought to ours."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TypeAlias, TypeVar

from iamops.judge.findings import Evidence, NotEvaluated
from iamops.judge.rules.base import NO_LOOK, Answer, Rule, RuleInput, evidence_at, nodes, not_evaluated, reason_of
from iamops.model.inspection import JournalEntry, JournalEventKind, JournalInspection, NodeInspection
from iamops.model.observed import Known, Observed, Unknown
from iamops.model.state import NodeState

T = TypeVar("T")
Part: TypeAlias = Callable[[NodeInspection], Observed[T]]
AskPart: TypeAlias = Callable[[RuleInput, NodeState, Known[T], float], Iterable[Answer]]
AskJournal: TypeAlias = AskPart[JournalInspection]
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
