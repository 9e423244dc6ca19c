"""One message of `iamops watch`: what it says, and the document it is kept and sent as."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from iamops.judge.alerts.case import OUT_OF_SIGHT, Alert
from iamops.judge.alerts.silence import Silence
from iamops.model.document import Json, ReadJson
from iamops.model.facts import RANK, Severity
from iamops.model.state import VipMove
from iamops.model.text import counted
from iamops.model.timestamps import rfc3339
from iamops.redact.clean import words

SCHEMA = "iamops.alert/1"
VIP_CODE = "vip-move"
TITLE_LIMIT, LINE_LIMIT, LINES_KEPT = 200, 500, 40


class AlertKind(StrEnum):
    """What a message is about."""

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
    title, key = words(title, TITLE_LIMIT), words(key, LINE_LIMIT)
    return Message(at, kind, severity, profile, title, lines, node, code, key)


def document(number: str, message: Message) -> Json:
    """The document iamops.alert/1. `number` names the message: the same one at every attempt to deliver it."""
    return {
        "schema": SCHEMA,
        "id": number,
        "at": rfc3339(message.at),
        "kind": str(message.kind),
        "severity": str(message.severity),
        "profile": message.profile,
        "title": message.title,
        "body": list(message.body),
        "node": message.node,
        "code": message.code or None,
        "key": message.key or None,
    }


def message_of(raw: ReadJson) -> Message:
    """The way back. Raises ValueError, TypeError or KeyError for what is no such document."""
    return message(
        datetime.fromisoformat(raw["at"]).timestamp(),
        AlertKind(raw["kind"]),
        Severity(raw["severity"]),
        str(raw["profile"]),
        str(raw["title"]),
        tuple(str(line) for line in raw["body"]),
        node=None if raw["node"] is None else str(raw["node"]),
        code=str(raw["code"] or ""),
        key=str(raw.get("key") or ""),
    )


# The words of an alert must be understood at three in the morning, on a telephone.

UNSEEN_MOVE = "its move was not seen: no watch was running, or a node was out of sight"
HELD_BY_BOTH = "for a moment several nodes held it"
FLAPPING = "it is flapping: further {} are told as sums"


def with_commands(message: Message, command: str) -> Message:
    """What is good news needs no next step. A command names its cluster: there may be several."""
    if message.kind is AlertKind.RESOLVED:
        return message
    own = "next: iamops "
    body = [f"next: {command} {line.removeprefix(own)}" if line.startswith(own) else line for line in message.body]
    return replace(message, body=(*body, f"more: {command} triage"))


def moved(profile: str, move: VipMove, vip: str, evidence: tuple[str, ...], during: str) -> Message:
    title = f"VIP {vip} moved {move.previous} -> {move.node}"
    silent = (f"{move.previous} is not heard: whether it still holds the VIP is unknown",) if move.unheard else ()
    body = (f"at {clock(move.at)}", *silent, *_during(during), *evidence)
    kind, severity = AlertKind.VIP_MOVE, Severity.CRITICAL
    return message(move.at, kind, severity, profile, title, body, node=move.node, code=VIP_CODE)


def moved_unobserved(profile: str, now: float, vip: str, was: str, now_on: str, how: str, during: str) -> Message:
    """It is elsewhere, and no move was seen; `how` says why."""
    title, body = f"VIP {vip} is on {now_on}; it was on {was} when last seen", (how, *_during(during))
    return message(now, AlertKind.VIP_MOVE, Severity.CRITICAL, profile, title, body, node=now_on, code=VIP_CODE)


def moves_summed(
    profile: str, now: float, vip: str, count: int, since: float, nodes: Iterable[str], on: str
) -> Message:
    title = f"VIP {vip} moved {count} times in {span(now - since)} between {' and '.join(sorted(nodes))}"
    body = (f"it was last seen on {on}", f"from {clock(since)} to {clock(now)}", FLAPPING.format("moves"))
    return message(now, AlertKind.DIGEST, Severity.CRITICAL, profile, title, body, code=VIP_CODE)


def calmed(profile: str, now: float, vip: str, on: str, for_s: float, total: int) -> Message:
    title, body = f"VIP {vip} has not moved for {span(for_s)}; it is on {on}", (f"it had moved {total} times",)
    return message(now, AlertKind.RESOLVED, Severity.INFO, profile, title, body, node=on, code=VIP_CODE)


def found(profile: str, now: float, alert: Alert, during: str) -> Message:
    unknown = (f"the state of {alert.node} is unknown, not down",) if alert.code in OUT_OF_SIGHT else ()
    body = (f"since {clock(alert.first)}", *unknown, *_during(during), *alert.lines)
    return _of(alert, now, AlertKind.FINDING, alert.severity, profile, alert.title, body)


def ended(profile: str, now: float, alert: Alert, title: str) -> Message:
    lasted = f"from {clock(alert.first)} to {clock(alert.last)} ({span(alert.last - alert.first)})"
    return _of(alert, now, AlertKind.RESOLVED, Severity.INFO, profile, title, (f"it lasted {lasted}",))


def case_summed(profile: str, now: float, alert: Alert, count: int, since: float) -> Message:
    state = "it is there now" if alert.here else "it is gone now"
    title = f"{alert.title}: came or went {count} times in {span(now - since)}, {state}"
    body = (FLAPPING.format("changes"), *alert.lines)
    return _of(alert, now, AlertKind.DIGEST, alert.severity, profile, title, body)


def _of(
    alert: Alert,
    now: float,
    kind: AlertKind,
    severity: Severity,
    profile: str,
    title: str,
    body: tuple[str, ...],
) -> Message:
    return message(now, kind, severity, profile, title, body, node=alert.node, code=alert.code, key=alert.name)


def reminder(profile: str, now: float, alerts: tuple[Alert, ...]) -> Message:
    title = f"still so: {alerts[0].title}" if len(alerts) == 1 else f"{len(alerts)} findings are still so"
    body = tuple(f"[{alert.severity}] {alert.title}, for {span(now - alert.first)}" for alert in alerts)
    worst = min((alert.severity for alert in alerts), key=RANK.__getitem__)
    return message(now, AlertKind.REMINDER, worst, profile, title, body)


def silence_over(
    profile: str, now: float, silence: Silence, moves: int, cases: int, places: tuple[str, ...]
) -> Message:
    held = f"{counted(moves, 'VIP move')} and {counted(cases, 'finding')} were held back"
    began = f"it began at {clock(silence.since)}, by {silence.by}: {silence.reason}"
    severity = Severity.WARNING if moves or cases else Severity.INFO
    body = (began, *places, "what is still so follows")
    return message(now, AlertKind.SILENCE, severity, profile, f"the silence is over; {held}", body)


def missed_end(profile: str, now: float, title: str, node: str | None, code: str, key: str) -> Message:
    """For a destination that could not be told when it ended."""
    body = ("it ended while this destination was not told: it was away, or took no messages",)
    return message(now, AlertKind.RESOLVED, Severity.INFO, profile, title, body, node=node, code=code, key=key)


def clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-5] + " UTC"


def span(seconds: float) -> str:
    """`42 s`, `12 min`, `3.5 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _during(during: str) -> tuple[str, ...]:
    return (f"during {during}",) if during else ()
