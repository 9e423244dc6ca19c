"""The bounds of a drill beside what was measured. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.judge.drill_course import Course, Slice, gaps_of, slices
from console.judge.drill_evidence import Evidence
from console.judge.drill_report import Measure
from console.model.drill import Bound, Outage, StateOf, VipOn
from console.plan.theory import skew_of


def measures(course: Course, evidence: Evidence) -> tuple[Measure, ...]:
    """Every bound of the drill beside what was measured, in the order of the steps."""
    return tuple(each for part in slices(course, evidence) for each in _measured(course, evidence, part))


def _measured(course: Course, evidence: Evidence, part: Slice) -> Iterator[Measure]:
    for each in part.leg.move.expect:
        match each:
            case VipOn():
                node = part.leg.node(each.who)
                at = next(
                    (a.at for a in evidence.addresses if a.present and a.node == node and part.has(a.happened)),
                    None,
                )
                yield _measure(course, part, f"VIP on {node}", each.within, at, _path(course, evidence, part))
            case StateOf():
                node = part.leg.node(each.who)
                entered = (
                    s.at
                    for s in evidence.states
                    if (s.node, s.state) == (node, each.state) and part.has(s.happened)
                )
                yield _measure(course, part, f"{node} {each.state}", each.within, next(entered, None), "")
            case Outage() if evidence.measured:
                longest = max((gap.duration_ms for gap in gaps_of(evidence, part)), default=0.0)
                at = part.start + longest / 1000
                yield _measure(course, part, "client outage", each.at_most, at, _path(course, evidence, part))
            case _:
                continue


def _measure(course: Course, part: Slice, what: str, bound: Bound, at: float | None, path: str) -> Measure:
    allowed = course.window(part.leg, bound)
    return Measure(
        step=part.title,
        what=what,
        rule=bound.text,
        measured_ms=None if at is None else round((at - part.start) * 1000, 1),
        lower_ms=round(allowed.lower_s * 1000, 1),
        upper_ms=round(allowed.upper_s * 1000, 1),
        allowance_ms=round(course.allowance_of(part.leg) * 1000, 1),
        path=path,
    )


def _path(course: Course, evidence: Evidence, part: Slice) -> str:
    """Did the taker hear the farewell (priority 0), or did it wait until it missed the adverts?"""
    if not part.leg.moves_vip:
        return ""
    own = [a for a in evidence.addresses if part.has(a.happened)]
    left = next((a.happened for a in own if not a.present and a.node == part.leg.owner), None)
    came = next((a.happened for a in own if a.present and a.node == part.leg.next_owner), None)
    if left is None or came is None:
        return "timeout" if came is not None else ""
    pair = course.pair(part.leg)
    quick = came - left < skew_of(pair.taker) + pair.owner.advert_interval_s
    return "farewell" if quick else "timeout"
