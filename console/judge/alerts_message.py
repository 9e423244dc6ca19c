"""One message of `iamops watch`: what it says, and the document it is kept and sent as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from console.model.facts import Severity
from console.model.timestamps import rfc3339
from console.parse.words import words

SCHEMA = "iamops.alert/1"
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


def document(number: str, said: Message) -> dict[str, Any]:
    """The document iamops.alert/1. `number` names the message: the same one at every attempt to deliver it."""
    return {
        "schema": SCHEMA,
        "id": number,
        "at": rfc3339(said.at),
        "kind": str(said.kind),
        "severity": str(said.severity),
        "profile": said.profile,
        "title": said.title,
        "body": list(said.body),
        "node": said.node,
        "code": said.code or None,
        "key": said.key or None,
    }


def message_of(raw: Mapping[str, Any]) -> Message:
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
