"""One message of `iamops watch`, and what it says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from iamops.judge.alerts.case import OUT_OF_SIGHT, Alert
from iamops.judge.alerts.silence import Silence
from iamops.model.facts import RANK, Severity
from iamops.model.state import VipMove
from iamops.model.text import counted
from iamops.redact.clean import words

TITLE_LIMIT, LINE_LIMIT, LINES_KEPT = 200, 500, 40


class AlertKind(StrEnum):
    """What sort of message it is."""

    VIP_MOVE = "vip-move"
    FINDING = "finding"
    RESOLVED = "resolved"
    DIGEST = "digest"
    REMINDER = "reminder"
    SILENCE = "silence"
    NOTICE = "notice"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Message:
    """`at`: when it was decided, epoch s. `title` and `body` are sanitised. `code` is the finding's word, `key`
    the finding itself: the same in all messages about it.
    """

    at: float
    kind: AlertKind
    severity: Severity
    profile: str
    title: str
    body: tuple[str, ...] = ()
    node: str | None = None
    code: str = ""
    key: str = ""

    @property
    def subject(self) -> str:
        """`[CRITICAL] lab: VIP 10.0.4.99 moved iam-a -> iam-b`."""
        word = "resolved" if self.kind is AlertKind.RESOLVED else str(self.severity)
        return f"[{word.upper()}] {self.profile}: {self.title}"


def message(
    at: float,
    kind: AlertKind,
    severity: Severity,
    profile: str,
    title: str,
    body: tuple[str, ...] = (),
    *,
    node: str | None = None,
    code: str = "",
    key: str = "",
) -> Message:
    """A message whose text cannot move a cursor, break a mail's header, or be endless."""
    lines = tuple(words(line, LINE_LIMIT) for line in body[:LINES_KEPT])
    return Message(
        at, kind, severity, profile, words(title, TITLE_LIMIT), lines, node, code, words(key, LINE_LIMIT)
    )


# The words of an alert: they must be understood at three in the morning, on a telephone.

UNSEEN_MOVE = "its move was not seen: no watch was running, or a node was out of sight"
HELD_BY_BOTH = "for a moment several nodes held it"


def moved(profile: str, move: VipMove, vip: str, evidence: tuple[str, ...], during: str) -> Message:
    title = f"VIP {vip} moved {move.previous} -> {move.node}"
    silent = (f"{move.previous} is not heard: whether it still holds the VIP is unknown",) if move.unheard else ()
    body = (f"at {clock(move.at)}", *silent, *_during(during), *evidence)
    return _vip(move.at, AlertKind.VIP_MOVE, Severity.CRITICAL, profile, title, body, node=move.node)


def moved_unobserved(profile: str, now: float, vip: str, was: str, now_on: str, how: str, during: str) -> Message:
    """It is elsewhere, and no move was seen; `how` says why."""
    title = f"VIP {vip} is on {now_on}; it was on {was} when last seen"
    body = (how, *_during(during))
    return _vip(now, AlertKind.VIP_MOVE, Severity.CRITICAL, profile, title, body, node=now_on)


def moves_summed(
    profile: str, now: float, vip: str, count: int, since: float, nodes: Iterable[str], on: str
) -> Message:
    between = " and ".join(sorted(nodes))
    title = f"VIP {vip} moved {count} times in {span(now - since)} between {between}"
    body = (
        f"it was last seen on {on}",
        f"from {clock(since)} to {clock(now)}",
        "it is flapping: further moves are told as sums",
    )
    return _vip(now, AlertKind.DIGEST, Severity.CRITICAL, profile, title, body)


def calmed(profile: str, now: float, vip: str, on: str, for_s: float, total: int) -> Message:
    title = f"VIP {vip} has not moved for {span(for_s)}; it is on {on}"
    body = (f"it had moved {total} times",)
    return _vip(now, AlertKind.RESOLVED, Severity.INFO, profile, title, body, node=on)


def found(profile: str, now: float, case: Alert, during: str) -> Message:
    unknown = (f"the state of {case.node} is unknown, not down",) if case.code in OUT_OF_SIGHT else ()
    body = (f"since {clock(case.first)}", *unknown, *_during(during), *case.lines)
    return message(
        now,
        AlertKind.FINDING,
        case.severity,
        profile,
        case.title,
        body,
        node=case.node,
        code=case.code,
        key=case.name,
    )


def resolved(profile: str, now: float, case: Alert) -> Message:
    return _ended(profile, now, case, case.title)


def split_over(profile: str, now: float, case: Alert, vip: str, owner: str | None) -> Message:
    """`owner` is None where it is not known."""
    where = f"VIP {vip} on {owner} only" if owner else f"who has VIP {vip} is not known"
    return _ended(profile, now, case, f"split brain ended: {where}")


def case_summed(profile: str, now: float, case: Alert, count: int, since: float) -> Message:
    state = "it is there now" if case.here else "it is gone now"
    title = f"{case.title}: came or went {count} times in {span(now - since)}, {state}"
    body = ("it is flapping: further changes are told as sums", *case.lines)
    return message(
        now, AlertKind.DIGEST, case.severity, profile, title, body, node=case.node, code=case.code, key=case.name
    )


def reminder(profile: str, now: float, cases: Iterable[Alert]) -> Message:
    still = tuple(cases)
    title = f"still so: {still[0].title}" if len(still) == 1 else f"{len(still)} findings are still so"
    return message(now, AlertKind.REMINDER, _worst(still), profile, title, _listed(still, now))


def silence_over(
    profile: str, now: float, silence: Silence, moves: int, cases: int, places: tuple[str, ...]
) -> Message:
    held = f"{counted(moves, 'VIP move')} and {counted(cases, 'finding')} were held back"
    body = (
        f"it began at {clock(silence.since)}, by {silence.by}: {silence.reason}",
        *places,
        "what is still so follows",
    )
    severity = Severity.WARNING if moves or cases else Severity.INFO
    return message(now, AlertKind.SILENCE, severity, profile, f"the silence is over; {held}", body)


def missed_end(profile: str, now: float, title: str, node: str | None, code: str, key: str) -> Message:
    """For whoever could not be told when it ended."""
    body = ("it ended while this destination was not told: it was away, or took no messages",)
    return message(now, AlertKind.RESOLVED, Severity.INFO, profile, title, body, node=node, code=code, key=key)


def clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-5] + " UTC"


def span(seconds: float) -> str:
    """`42 s`, `12 min`, `3.5 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _ended(profile: str, now: float, case: Alert, title: str) -> Message:
    body = (f"it lasted from {clock(case.first)} to {clock(case.last)} ({span(case.last - case.first)})",)
    return message(
        now, AlertKind.RESOLVED, Severity.INFO, profile, title, body, node=case.node, code=case.code, key=case.name
    )


def _vip(
    at: float,
    kind: AlertKind,
    severity: Severity,
    profile: str,
    title: str,
    body: tuple[str, ...],
    node: str | None = None,
) -> Message:
    return message(at, kind, severity, profile, title, body, node=node, code="vip-move")


def _during(during: str) -> tuple[str, ...]:
    return (f"during {during}",) if during else ()


def _listed(cases: Iterable[Alert], now: float) -> tuple[str, ...]:
    return tuple(f"[{case.severity}] {case.title}, for {span(now - case.first)}" for case in cases)


def _worst(cases: Iterable[Alert]) -> Severity:
    return min((case.severity for case in cases), key=RANK.__getitem__)
