"""What outlives the process: the alerts as a document, and what each destination has accepted of them.

Times of steps do not: they start anew. The machine's clock may have been set back meanwhile: nothing that is
remembered is later than now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from iamops.judge.alerts.case import Alert, key_of
from iamops.judge.alerts.message import AlertKind, Message, MessageWriter, with_commands
from iamops.judge.alerts.silence import silence_of
from iamops.judge.alerts.state import Alerts, AlertSnapshot, Damper, SilenceState, VipMemory
from iamops.model.facts import RANK, Severity
from iamops.model.foreign import Json, ReadJson

# A destination that is not asked for any more may come back, and must then hear of what has ended.
ABSENT_KEPT = 20
FINDINGS_KEPT = 500
FLAPPING = "flapping"


def remembered(alerts: Alerts) -> Json:
    """The document. It changes only when something was reported, moved, or is being held back.

    So it does not say when an alert was last seen, which changes at every step.
    """
    flapping = {key for key, damper in alerts.dampers.items() if damper.flapping}
    silence = alerts.silence
    return {
        "vips": {
            instance: {
                "seen_on": memory.seen_on,
                "damper": _damper_document(memory.damper),
                "between": sorted(memory.between),
                "split": memory.split,
            }
            for instance, memory in alerts.memory.items()
        },
        "cases": [
            {
                "code": alert.code,
                "node": alert.node,
                "severity": str(alert.severity),
                "title": alert.title,
                "what": alert.what,
                "instance": alert.instance,
                "first": alert.first,
                "needs": sorted(alert.needs),
                "open": alert.open,
                "told_as": None if alert.reported_as is None else str(alert.reported_as),
            }
            for key, alert in alerts.cases.items()
            if alert.open or alert.reported_as is not None or key in flapping
        ],
        "dampers": [[*key, _damper_document(damper)] for key, damper in alerts.dampers.items()],
        "hush": {"silence": silence.silence.document(), "moves": silence.moves, "cases": silence.cases}
        if silence
        else None,
    }


def recalled(fresh: Alerts, raw: ReadJson, now: float) -> Alerts:
    """`fresh` with what a document remembers, as of `now`. Raises ValueError, TypeError, LookupError,
    AttributeError or ArithmeticError for none.
    """
    alerts = [
        Alert(
            str(case["code"]),
            None if case["node"] is None else str(case["node"]),
            Severity(case["severity"]),
            str(case["title"]),
            (),
            min(now, float(case["first"])),
            now,
            frozenset(str(node) for node in case["needs"]),
            here=False,
            open=bool(case["open"]),
            reported_as=None if case["told_as"] is None else Severity(case["told_as"]),
            what=str(case.get("what") or ""),
            instance=str(case.get("instance") or ""),
        )
        for case in raw["cases"]
    ]
    memory = {
        name: VipMemory(
            None if vip["seen_on"] is None else str(vip["seen_on"]),
            damper=_damper(vip["damper"], now),
            between=frozenset(str(node) for node in vip["between"]),
            split=bool(vip.get("split")),
        )
        for name, vip in raw["vips"].items()
        if name in fresh.vips
    }
    dampers = {
        key_of(str(code), str(node) or None, str(what)): _damper(damper, now)
        for code, node, what, damper in raw["dampers"]
    }
    silence = raw["hush"]
    if silence is not None:
        silence = SilenceState(silence_of(silence["silence"]), int(silence["moves"]), int(silence["cases"]))
    by_key = {alert.key: alert for alert in alerts}
    return replace(fresh, memory=memory, cases=by_key, dampers=dampers, reminded_at=now, silence=silence)


def _damper_document(damper: Damper) -> Json:
    return {
        "told": list(damper.reported),
        "since": damper.since,
        "window_s": damper.window_s,
        "count": damper.count,
        "began": damper.began,
        "total": damper.total,
    }


def _damper(raw: ReadJson, now: float) -> Damper:
    return Damper(
        tuple(at for at in map(float, raw["told"]) if at <= now),
        None if raw["since"] is None else min(now, float(raw["since"])),
        float(raw["window_s"]),
        int(raw["count"]),
        min(now, float(raw["began"])),
        int(raw["total"]),
    )


@dataclass(frozen=True, slots=True)
class Delivered:
    """A finding as a destination knows it. `state`: its severity, or FLAPPING."""

    state: str
    title: str
    code: str
    node: str | None

    @property
    def document(self) -> list[str | None]:
        return [self.state, self.title, self.code, self.node]


Knowledge: TypeAlias = Mapping[str, Mapping[str, Delivered]]
"""Destination -> finding's key -> how it is known there."""


def delivered_by(message: Message) -> Delivered | None:
    """The finding as a receiver of the message knows it: None where it is over."""
    if message.kind is AlertKind.RESOLVED:
        return None
    state = FLAPPING if message.kind is AlertKind.DIGEST else str(message.severity)
    return Delivered(state, message.title, message.code, message.node)


class DeliveredToAll:
    """What each destination has accepted: which findings it knows to be so, and how severe."""

    def __init__(self) -> None:
        self._by: dict[str, dict[str, Delivered]] = {}

    def at(self, destination: str) -> Mapping[str, Delivered]:
        return self._by.get(destination, {})

    def took(self, destination: str, message: Message) -> None:
        """The destination has accepted the message. One that is about no finding changes nothing."""
        if not message.key:
            return
        known = self._by.setdefault(destination, {})
        known.pop(message.key, None)
        if (after := delivered_by(message)) is not None:
            known[message.key] = after
        while len(known) > FINDINGS_KEPT:
            del known[next(iter(known))]

    def keep(self, present: Collection[str]) -> None:
        """Forgets destinations that have been absent while many others came and went, the oldest first."""
        absent = [name for name in self._by if name not in present]
        for name in absent[: max(0, len(absent) - ABSENT_KEPT)]:
            del self._by[name]

    @property
    def document(self) -> Json:
        return {to: {key: one.document for key, one in known.items()} for to, known in self._by.items() if known}

    def recall(self, raw: ReadJson) -> None:
        """What a document remembers, instead of all there is. Raises ValueError, TypeError, AttributeError; so for
        a state that no version of ours has reported.
        """
        found: dict[str, dict[str, Delivered]] = {}
        for to, known in raw.items():
            found[str(to)] = own = {}
            for key, (state, title, code, node) in known.items():
                state = FLAPPING if str(state) == FLAPPING else str(Severity(str(state)))
                own[str(key)] = Delivered(state, str(title), str(code), None if node is None else str(node))
        self._by = found


def missed(
    alerts: Alerts, now: float, snapshot: AlertSnapshot, knows: Knowledge, *, looked_s: float
) -> Iterator[tuple[str, Message]]:
    """Who must be told what single destinations have missed: a finding that is still so, the end of one that they
    heard of. One may have been added, corrected, away for a while, or down until messages were given up.

    `looked_s`: for how long this watch has been looking at the findings. An end is reported only when a finding
    would have been seen again by now, and not while nobody can tell. Nothing is reported in a silence.
    """
    if alerts.silence is not None:
        return
    writer = MessageWriter(alerts.profile, now, snapshot.during)
    so = _still_so(alerts, writer)
    names = {alert.name for alert in alerts.cases.values()}
    for destination, known in knows.items():
        for key, message in so.items():
            before = known.get(key)
            # Of what flaps, everybody hears when it is calm.
            if before is None or (
                before.state != FLAPPING and RANK[message.severity] < RANK[Severity(before.state)]
            ):
                yield destination, message
        if looked_s < alerts.policy.patience.cleared_s:
            continue
        for key, before in known.items():
            if key not in names and not _unclear(before, snapshot):
                yield destination, writer.missed_end(before.title, before.node, before.code, key)


def _still_so(alerts: Alerts, writer: MessageWriter) -> dict[str, Message]:
    """Key -> message, as severe as others know it to be. Not of what is absent or flaps just now: its next change
    is reported to everybody.
    """
    found: dict[str, Message] = {}
    for key, alert in alerts.cases.items():
        damper = alerts.dampers.get(key)
        flaps = damper is not None and damper.flapping
        if alert.open and alert.reported_as is not None and alert.here and not flaps:
            message = writer.found(replace(alert, severity=alert.reported_as))
            found[alert.name] = with_commands(message, alerts.command)
    return found


def _unclear(known: Delivered, snapshot: AlertSnapshot) -> bool:
    unseen = known.node in snapshot.unseen if known.node is not None else bool(snapshot.unseen)
    return unseen or any(q.code == known.code and q.node in (None, known.node) for q in snapshot.not_evaluated)
