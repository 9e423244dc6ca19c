"""The notify log's part in a drill: the lines it should have gained, and those it has. Pure.

Its clock counts seconds, so only its order is compared, node by node.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.judge.drill_course import Course
from console.judge.drill_evidence import Evidence
from console.judge.drill_report import Failure, FailureKind

STOPPED = "STOP"


def notify_failures(course: Course, evidence: Evidence) -> Iterator[Failure]:
    """What is missing from a log, or stands in it too much."""
    for node, expected, words in _notified(course, evidence):
        if words is None:
            why = evidence.notify_reason.get(node, "no reason known")
            yield Failure(FailureKind.NOTIFY, f"the notify log of {node} cannot be read: {why}")
        elif words != expected and not _only_stops_missing(expected, words):
            text = f"the notify log of {node} should say {listed(expected)} and says {listed(words)}"
            yield Failure(FailureKind.NOTIFY, text)


def notify_notes(course: Course, evidence: Evidence) -> tuple[str, ...]:
    """What is worth knowing and proves nothing: keepalived's last script may be ended by systemd as it
    ends the unit (KillMode=control-group), before it has written notify_stop.
    """
    return tuple(
        f"notify_stop was not written on {node}: systemd may end keepalived's last script with it"
        for node, expected, words in _notified(course, evidence)
        if words is not None and words != expected and _only_stops_missing(expected, words)
    )


def _notified(course: Course, evidence: Evidence) -> Iterator[tuple[str, list[str], list[str] | None]]:
    """Node, what its notify log should have gained, and what it has. Nothing where no log was asked about."""
    done = {run.number for run in evidence.legs if run.stage == "done"}
    wanted = [(leg.node(each.who), str(each.state)) for leg in course.legs for each in leg.move.notify]
    if not wanted or len(done) < len(course.legs):
        return
    for node, words in evidence.notify.items():
        expected = [state for each, state in wanted if each == node]
        yield node, expected, None if words is None else list(words)


def _only_stops_missing(expected: list[str], words: list[str]) -> bool:
    lasting = [word for word in expected if word != STOPPED]
    return [word for word in words if word != STOPPED] == lasting and words.count(STOPPED) < expected.count(
        STOPPED
    )


def listed(words: Sequence[object]) -> str:
    return ", ".join(str(word) for word in words) or "nothing"
