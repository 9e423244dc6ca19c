"""One message of `iamops watch`, and what it says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from iamops.judge.alerts.case import OUT_OF_SIGHT, Alert
from iamops.judge.alerts.silence import Silence
from iamops.model.facts import RANK, Severity
from iamops.model.state import VipMove
from iamops.model.text import counted
from iamops.redact.clean import clean_text

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
    lines = tuple(clean_text(line, LINE_LIMIT) for line in body[:LINES_KEPT])
    title, key = clean_text(title, TITLE_LIMIT), clean_text(key, LINE_LIMIT)
    return Message(at, kind, severity, profile, title, lines, node, code, key)


UNSEEN_MOVE = "its move was not seen: no watch was running, or a node was out of sight"
HELD_BY_BOTH = "for a moment several nodes held it"
FLAPPING = "it is flapping: further {} are told as sums"


def with_commands(message: Message, command: str) -> Message:
    """The message with a next step, except for good news. A command names its cluster: there may be several."""
    if message.kind is AlertKind.RESOLVED:
        return message
    own = "next: iamops "
    body = [f"next: {command} {line.removeprefix(own)}" if line.startswith(own) else line for line in message.body]
    return replace(message, body=(*body, f"more: {command} triage"))


@dataclass(frozen=True, slots=True)
class MessageWriter:
    """The words of the messages of `now`: they must be understood at three in the morning, on a telephone.

    `during`: the action or drill that is running, if one is.
    """

    profile: str
    now: float
    during: str = ""

    def moved(self, move: VipMove, vip: str, evidence: tuple[str, ...]) -> Message:
        unheard = f"{move.previous} is not heard: whether it still holds the VIP is unknown"
        body = (f"at {clock(move.at)}", *((unheard,) if move.unheard else ()), *self._action, *evidence)
        title = f"VIP {vip} moved {move.previous} -> {move.node}"
        moved = self._of_vip(AlertKind.VIP_MOVE, Severity.CRITICAL, title, body, move.node)
        return replace(moved, at=move.at)

    def moved_unobserved(self, vip: str, was: str, now_on: str, how: str) -> Message:
        """It is elsewhere, and no move was seen; `how` says why."""
        title = f"VIP {vip} is on {now_on}; it was on {was} when last seen"
        return self._of_vip(AlertKind.VIP_MOVE, Severity.CRITICAL, title, (how, *self._action), now_on)

    def moves_summed(self, vip: str, count: int, since: float, nodes: Iterable[str], on: str) -> Message:
        between = " and ".join(sorted(nodes))
        title = f"VIP {vip} moved {count} times in {span(self.now - since)} between {between}"
        times = f"from {clock(since)} to {clock(self.now)}"
        body = (f"it was last seen on {on}", times, FLAPPING.format("moves"))
        return self._of_vip(AlertKind.DIGEST, Severity.CRITICAL, title, body, None)

    def calmed(self, vip: str, on: str, for_s: float, total: int) -> Message:
        title = f"VIP {vip} has not moved for {span(for_s)}; it is on {on}"
        return self._of_vip(AlertKind.RESOLVED, Severity.INFO, title, (f"it had moved {total} times",), on)

    def found(self, alert: Alert) -> Message:
        unknown = (f"the state of {alert.node} is unknown, not down",) if alert.code in OUT_OF_SIGHT else ()
        body = (f"since {clock(alert.first)}", *unknown, *self._action, *alert.lines)
        return self._of(alert, AlertKind.FINDING, alert.severity, alert.title, body)

    def ended(self, alert: Alert, title: str) -> Message:
        lasted = f"from {clock(alert.first)} to {clock(alert.last)} ({span(alert.last - alert.first)})"
        return self._of(alert, AlertKind.RESOLVED, Severity.INFO, title, (f"it lasted {lasted}",))

    def changes_summed(self, alert: Alert, count: int, since: float) -> Message:
        state = "it is there now" if alert.here else "it is gone now"
        title = f"{alert.title}: came or went {count} times in {span(self.now - since)}, {state}"
        return self._of(alert, AlertKind.DIGEST, alert.severity, title, (FLAPPING.format("changes"), *alert.lines))

    def reminder(self, alerts: tuple[Alert, ...]) -> Message:
        title = f"still so: {alerts[0].title}" if len(alerts) == 1 else f"{len(alerts)} findings are still so"
        body = tuple(f"[{alert.severity}] {alert.title}, for {span(self.now - alert.first)}" for alert in alerts)
        worst = min((alert.severity for alert in alerts), key=RANK.__getitem__)
        return message(self.now, AlertKind.REMINDER, worst, self.profile, title, body)

    def silence_over(self, silence: Silence, moves: int, cases: int, places: Iterable[str]) -> Message:
        title = f"the silence is over; {counted(moves, 'VIP move')} and {counted(cases, 'finding')} were held back"
        began = f"it began at {clock(silence.since)}, by {silence.by}: {silence.reason}"
        severity = Severity.WARNING if moves or cases else Severity.INFO
        body = (began, *places, "what is still so follows")
        return message(self.now, AlertKind.SILENCE, severity, self.profile, title, body)

    def missed_end(self, title: str, node: str | None, code: str, key: str) -> Message:
        """For a destination that could not be told when it ended."""
        body = ("it ended while this destination was not told: it was away, or took no messages",)
        kind, severity = AlertKind.RESOLVED, Severity.INFO
        return message(self.now, kind, severity, self.profile, title, body, node=node, code=code, key=key)

    @property
    def _action(self) -> tuple[str, ...]:
        return (f"during {self.during}",) if self.during else ()

    def _of_vip(
        self, kind: AlertKind, severity: Severity, title: str, body: tuple[str, ...], node: str | None
    ) -> Message:
        return message(self.now, kind, severity, self.profile, title, body, node=node, code="vip-move")

    def _of(self, alert: Alert, kind: AlertKind, severity: Severity, title: str, body: tuple[str, ...]) -> Message:
        node, code, key = alert.node, alert.code, alert.name
        return message(self.now, kind, severity, self.profile, title, body, node=node, code=code, key=key)


def clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-5] + " UTC"


def span(seconds: float) -> str:
    """`42 s`, `12 min`, `3.5 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
