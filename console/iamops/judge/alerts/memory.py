"""What of the alerts outlives the process: as a document, and back. Times of looks do not: they start anew.

The machine's clock may have been set back meanwhile: nothing that is remembered is later than now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from iamops.judge.alerts import message as words
from iamops.judge.alerts.case import Alert, key_of
from iamops.judge.alerts.message import AlertKind, Message
from iamops.judge.alerts.silence import silence_of
from iamops.judge.alerts.state import Alerts, AlertSnapshot, Damper, SilenceState, VipMemory
from iamops.judge.alerts.step import still_so
from iamops.judge.findings import Key
from iamops.model.facts import RANK, Severity


def remembered(alerts: Alerts) -> dict[str, Any]:
    """The document. It changes only when something was told, moved, or is being held back."""
    flapping = {key for key, damper in alerts.dampers.items() if damper.flapping}
    kept = [
        case for key, case in alerts.cases.items() if case.open or case.reported_as is not None or key in flapping
    ]
    return {
        "vips": {instance: _memory_document(memory) for instance, memory in alerts.memory.items()},
        "cases": [_case_document(case) for case in kept],
        "dampers": [[*key, _damper_document(damper)] for key, damper in alerts.dampers.items()],
        "hush": _hush_document(alerts.silence) if alerts.silence else None,
    }


def recalled(fresh: Alerts, raw: Mapping[str, Any], now: float) -> Alerts:
    """`fresh` with what a document remembers, as of `now`. Raises ValueError, TypeError, LookupError,
    AttributeError or ArithmeticError for none.
    """
    cases = [_case(each, now) for each in raw["cases"]]
    return replace(
        fresh,
        memory={name: _memory(each, now) for name, each in raw["vips"].items() if name in fresh.vips},
        cases={case.key: case for case in cases},
        dampers={_key(*key): _damper(each, now) for *key, each in raw["dampers"]},
        reminded_at=now,
        silence=_hush(raw["hush"]),
    )


def _memory_document(memory: VipMemory) -> dict[str, Any]:
    return {
        "seen_on": memory.seen_on,
        "damper": _damper_document(memory.damper),
        "between": sorted(memory.between),
        "split": memory.split,
    }


def _memory(raw: Mapping[str, Any], now: float) -> VipMemory:
    seen_on = None if raw["seen_on"] is None else str(raw["seen_on"])
    between = frozenset(str(node) for node in raw["between"])
    return VipMemory(seen_on, damper=_damper(raw["damper"], now), between=between, split=bool(raw.get("split")))


def _damper_document(damper: Damper) -> dict[str, Any]:
    return {
        "told": list(damper.reported),
        "since": damper.since,
        "window_s": damper.window_s,
        "count": damper.count,
        "began": damper.began,
        "total": damper.total,
    }


def _damper(raw: Mapping[str, Any], now: float) -> Damper:
    return Damper(
        tuple(at for each in raw["told"] if (at := float(each)) <= now),
        None if raw["since"] is None else min(now, float(raw["since"])),
        float(raw["window_s"]),
        int(raw["count"]),
        min(now, float(raw["began"])),
        int(raw["total"]),
    )


def _case_document(case: Alert) -> dict[str, Any]:
    """Without when it was last seen, which changes at every look: a document is written for news only."""
    return {
        "code": case.code,
        "node": case.node,
        "severity": str(case.severity),
        "title": case.title,
        "what": case.what,
        "instance": case.instance,
        "first": case.first,
        "needs": sorted(case.needs),
        "open": case.open,
        "told_as": None if case.reported_as is None else str(case.reported_as),
    }


def _case(raw: Mapping[str, Any], now: float) -> Alert:
    return Alert(
        str(raw["code"]),
        None if raw["node"] is None else str(raw["node"]),
        Severity(raw["severity"]),
        str(raw["title"]),
        (),
        min(now, float(raw["first"])),
        now,
        frozenset(str(node) for node in raw["needs"]),
        here=False,
        open=bool(raw["open"]),
        reported_as=None if raw["told_as"] is None else Severity(raw["told_as"]),
        what=str(raw.get("what") or ""),
        instance=str(raw.get("instance") or ""),
    )


def _key(code: object, node: object, what: object) -> Key:
    return key_of(str(code), str(node) or None, str(what))


def _hush_document(hush: SilenceState) -> dict[str, Any]:
    return {"silence": hush.silence.document(), "moves": hush.moves, "cases": hush.cases}


def _hush(raw: Mapping[str, Any] | None) -> SilenceState | None:
    return None if raw is None else SilenceState(silence_of(raw["silence"]), int(raw["moves"]), int(raw["cases"]))


# What each destination has accepted: which findings it knows to be so, and how severe. No I/O.

# A destination that is not asked for any more may come back, and must then hear of what has ended.
ABSENT_KEPT = 20
FINDINGS_KEPT = 500
FLAPPING = "flapping"


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


def heard_of(said: Message) -> Delivered | None:
    """What a message leaves its receiver with: None where the finding is over."""
    if said.kind is AlertKind.RESOLVED:
        return None
    state = FLAPPING if said.kind is AlertKind.DIGEST else str(said.severity)
    return Delivered(state, said.title, said.code, said.node)


def _known(state: str) -> str:
    """Raises ValueError for one that no version of ours has told."""
    return state if state == FLAPPING else str(Severity(state))


class DeliveredToAll:
    """Destination -> finding's key -> how it is known there."""

    def __init__(self) -> None:
        self._by: dict[str, dict[str, Delivered]] = {}

    def at(self, destination: str) -> Mapping[str, Delivered]:
        return self._by.get(destination, {})

    def took(self, destination: str, said: Message) -> None:
        """The destination has accepted the message. One that is about no finding changes nothing."""
        if not said.key:
            return
        known = self._by.setdefault(destination, {})
        after = heard_of(said)
        known.pop(said.key, None)
        if after is not None:
            known[said.key] = after
        while len(known) > FINDINGS_KEPT:
            del known[next(iter(known))]

    def keep(self, present: Collection[str]) -> None:
        """Forgets destinations that have been absent while many others came and went, the oldest first."""
        absent = [each for each in self._by if each not in present]
        for each in absent[: max(0, len(absent) - ABSENT_KEPT)]:
            del self._by[each]

    @property
    def document(self) -> dict[str, Any]:
        return {to: {key: each.document for key, each in known.items()} for to, known in self._by.items() if known}

    def recall(self, raw: Mapping[str, Any]) -> None:
        """What a document remembers, instead of all there is. Raises ValueError, TypeError, AttributeError."""
        self._by = {
            str(to): {
                str(key): Delivered(_known(str(state)), str(title), str(code), None if node is None else str(node))
                for key, (state, title, code, node) in known.items()
            }
            for to, known in raw.items()
        }


# What single destinations have missed: a finding that is still so, the end of one that they heard of. Pure.
#
# A destination may have been added, corrected, gone for a while, or down for so long that messages were given up.

Knowledge = Mapping[str, Mapping[str, Delivered]]
"""Destination -> finding's key -> how it is known there."""


def missed(
    alerts: Alerts, now: float, sight: AlertSnapshot, knows: Knowledge, *, looked_s: float
) -> Iterator[tuple[str, Message]]:
    """Who must be told what. `looked_s`: for how long this watch has been looking at the findings.

    An end is told only after so long that a finding would have been seen again, and not while nobody can tell.
    """
    if alerts.silence is not None:
        return
    so = still_so(alerts, now, sight.during)
    names = {case.name for case in alerts.cases.values()}
    for destination, known in knows.items():
        yield from ((destination, said) for key, said in so.items() if _is_news(said, known.get(key)))
        if looked_s < alerts.policy.patience.cleared_s:
            continue
        for key, heard in known.items():
            if key not in names and not _unclear(heard, sight):
                yield destination, _end(alerts, now, key, heard)


def _is_news(said: Message, heard: Delivered | None) -> bool:
    """Not heard of, or as less severe than it is. Of what flaps, everybody hears when it is calm."""
    if heard is None or heard.state == FLAPPING:
        return heard is None
    return RANK[said.severity] < RANK[Severity(heard.state)]


def _unclear(heard: Delivered, sight: AlertSnapshot) -> bool:
    unseen = heard.node in sight.unseen if heard.node is not None else bool(sight.unseen)
    return unseen or any(each.code == heard.code and each.node in (None, heard.node) for each in sight.blind)


def _end(alerts: Alerts, now: float, key: str, heard: Delivered) -> Message:
    return words.missed_end(alerts.profile, now, heard.title, heard.node, heard.code, key)
