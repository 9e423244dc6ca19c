"""What each destination has accepted: which findings it knows to be so, and how severe. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from console.judge.alerts_message import AlertKind, Message
from console.model.facts import Severity

# A destination that is not asked for any more may come back, and must then hear of what has ended.
ABSENT_KEPT = 20
FINDINGS_KEPT = 500
FLAPPING = "flapping"


@dataclass(frozen=True, slots=True)
class Heard:
    """A finding as a destination knows it. `state`: its severity, or FLAPPING."""

    state: str
    title: str
    code: str
    node: str | None

    @property
    def document(self) -> list[str | None]:
        return [self.state, self.title, self.code, self.node]


def heard_of(said: Message) -> Heard | None:
    """What a message leaves its receiver with: None where the finding is over."""
    if said.kind is AlertKind.RESOLVED:
        return None
    state = FLAPPING if said.kind is AlertKind.DIGEST else str(said.severity)
    return Heard(state, said.title, said.code, said.node)


def _known(state: str) -> str:
    """Raises ValueError for one that no version of ours has told."""
    return state if state == FLAPPING else str(Severity(state))


class HeardByAll:
    """Destination -> finding's key -> how it is known there."""

    def __init__(self) -> None:
        self._by: dict[str, dict[str, Heard]] = {}

    def at(self, destination: str) -> Mapping[str, Heard]:
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
                str(key): Heard(_known(str(state)), str(title), str(code), None if node is None else str(node))
                for key, (state, title, code, node) in known.items()
            }
            for to, known in raw.items()
        }
