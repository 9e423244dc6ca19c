"""Drills as lines: the list of them all with how they went, and what one of them does in words."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from console.judge.ending import drill_ending_of
from console.model.drill import (
    EACH,
    ROLES,
    Bound,
    Drill,
    EvenSplit,
    Expected,
    FailedRequests,
    Move,
    Outage,
    StateOf,
    Verb,
    VipOn,
)
from console.model.live import LiveVrrp
from console.model.state import ClusterState
from console.parse.safe_text import safe
from console.plan.action import DrillAction
from console.plan.impact import impact_of, instance_of, preferred_of
from console.plan.known import NotKnown
from console.plan.legs import Leg, legs
from console.plan.theory import Pair, window
from console.tui.view.amounts import latency
from console.tui.view.drill_run import VERDICTS
from console.tui.view.fit import column
from console.tui.view.rows import Row
from console.tui.view.tone import EMPTY, Line, Span, Tone

NEVER = ("– never run", Tone.MUTED)
TAKES_AWAY = ("▲ ", Tone.WARN)
NAME, VERDICT, PASSED, WHEN = 16, 12, 7, 17
HEADINGS: tuple[tuple[int, Span], ...] = (
    (NAME + 1, Span("LAST", Tone.MUTED)),
    (NAME + VERDICT + 1, Span("PASSED", Tone.MUTED)),
    (NAME + VERDICT + PASSED + 1, Span("WHEN, UTC", Tone.MUTED)),
)

Told = Callable[[Bound], str]
"""A bound in words."""


def drill_row(drill: Drill, reports: Sequence[Mapping[str, Any]], width: int) -> Row:
    """One line: name, last verdict, how often it passed, when, what it proves."""
    own = [report for report in reports if report.get("drill") == drill.name]
    carried_out = [report for report in own if report.get("verdict") in ("pass", "fail", "unknown")]
    good = sum(report.get("verdict") == "pass" for report in carried_out)
    word, tone = _last(own)
    when = safe(str(own[-1].get("at", "")))[:16].replace("T", " ") if own else ""
    line: Line = (
        Span(" " + column(drill.name, NAME - 1) + " ", Tone.TITLE),
        Span(column(word, VERDICT), tone),
        Span(column(f"{good}/{len(carried_out)}" if carried_out else "", PASSED), Tone.MUTED),
        Span(column(when, WHEN), Tone.MUTED),
        Span(*TAKES_AWAY) if drill.disruptive else Span("  "),
        Span(drill.title),
    )
    return Row.whole(drill.name, line, f"{drill.name}: {drill.title}", width, drill.name)


def drill_story(
    drill: Drill, reports: Sequence[Mapping[str, Any]], state: ClusterState, now: float, width: int
) -> tuple[Line, ...]:
    """What it is for, how it went last, and what it does; wrapped."""
    lines = wrapped(drill.about or drill.title, Tone.PLAIN, width)
    if drill.disruptive:
        words = "▲ takes a whole machine away: in a lab, or with --allow-disruptive"
        lines += wrapped(words, Tone.WARN, width)
    last = next((report for report in reversed(reports) if report.get("drill") == drill.name), None)
    if last is not None:
        lines += wrapped(f"last: {drill_ending_of(last)}: {last.get('sentence')}", Tone.MUTED, width)
    lines.append(EMPTY)
    course = course_of(drill, state, now)
    for number, move in enumerate(drill.moves):
        if drill.restore and number == len(drill.method):
            lines.append((Span("then put back:", Tone.MUTED),))
        lines += _move(move, number, _budgets(state, course[number] if course else None), width)
    return tuple(lines)


def course_of(drill: Drill, state: ClusterState, now: float) -> tuple[Leg, ...]:
    """Its steps if it began now; nothing where it cannot be told who owns the VIP and who would take it."""
    try:
        impact = impact_of(DrillAction(drill), state, now)
    except NotKnown:
        return ()
    if impact.owner is None or impact.taker is None:
        return ()
    best = preferred_of(state.profile, instance_of(state.profile, None), impact.owner, impact.taker)
    return legs(drill, impact.owner, impact.taker, best)


def expected_words(expected: Expected, told: Told = lambda bound: bound.text) -> str:
    """What must follow, in words."""
    match expected:
        case VipOn():
            return f"the VIP is on {_who(expected.who)} within {told(expected.within)}"
        case StateOf():
            return f"{_who(expected.who)} is {expected.state} within {told(expected.within)}"
        case Outage():
            return f"a client's longest gap is at most {told(expected.at_most)}"
        case FailedRequests():
            return f"at most {expected.at_most} requests fail" if expected.at_most else "no request fails"
        case EvenSplit():
            return "every backend has the same share"
    return f"the VIP stays for {told(expected.lasting)}"


def move_words(move: Move) -> str:
    """What a step does, in words."""
    match move.verb:
        case Verb.REQUESTS:
            return f"{move.count} requests per domain"
        case Verb.WATCH:
            return "watch"
        case Verb.SWITCHOVER:
            return "switchover to the standby"
    what = f"{move.verb} {move.unit} on" if move.unit else str(move.verb)
    return f"{what} {_who(move.on)}"


def _who(who: str) -> str:
    """A role has an article, a node a name."""
    return "every node" if who == EACH else f"the {who}" if who in ROLES else who


def _budgets(state: ClusterState, leg: Leg | None) -> Told:
    """Named times with what they come to by the profile; the dialog before a drill asks the nodes."""
    profile, name = state.profile, instance_of(state.profile, None)
    live = {node.name: LiveVrrp.of_profile(profile.vrrp[name], node) for node in profile.nodes.values()}

    def told(bound: Bound) -> str:
        named = any(term.name is not None for term in bound.terms)
        if leg is None or not named or not {leg.owner, leg.standby, leg.acted_on} <= live.keys():
            return bound.text
        upper_s = window(bound, Pair(live[leg.owner], live[leg.standby]), live[leg.acted_on]).upper_s
        return f"{bound.text} ({latency(upper_s * 1000)} by the profile)"

    return told


def _move(move: Move, number: int, told: Told, width: int) -> Iterator[Line]:
    first, *rest = textwrap.wrap(safe(move_words(move)), max(20, width - 3)) or [""]
    yield (Span(f"{number + 1:2} ", Tone.MUTED), Span(first, Tone.TITLE))
    yield from ((Span(f"   {more}", Tone.TITLE),) for more in rest)
    for each in move.expect:
        yield from wrapped(expected_words(each, told), Tone.MUTED, width, " " * 5)


def wrapped(text: str, tone: Tone, width: int, indent: str = "") -> list[Line]:
    """Any text, made harmless, as lines of one tone."""
    room = max(20, width - len(indent))
    return [(Span(indent + line, tone),) for line in textwrap.wrap(safe(text), room)]


def _last(own: Sequence[Mapping[str, Any]]) -> tuple[str, Tone]:
    verdict = own[-1].get("verdict") if own else None
    known = {str(each): told for each, told in VERDICTS.items()}
    return known.get(str(verdict), NEVER)
