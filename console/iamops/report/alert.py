"""A message of `iamops watch` as JSON (`iamops.alert/1`), as it is kept and sent, and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from iamops.judge.alerts.message import AlertKind, Message, message
from iamops.model.facts import Severity
from iamops.model.text import counted
from iamops.model.timestamps import rfc3339
from iamops.report.text import Json


def alert_document(number: str, alert: Message) -> Json:
    """`number` names the message: the same one at every attempt to deliver it."""
    return {
        **_line(number, alert.at, alert.kind, alert.severity, alert.profile, alert.title),
        "body": list(alert.body),
        "node": alert.node,
        "code": alert.code or None,
        "key": alert.key or None,
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


def heartbeat_document(profile: str, now: float, live: list[str]) -> Json:
    """The JSON line of a sign of life."""
    return _line(None, now, "heartbeat", Severity.INFO, profile, f"seen: {', '.join(live)}")


def left_out_document(profile: str, now: float, count: int) -> Json:
    """The JSON line that stands for others: they were left out while nobody read."""
    title = f"{counted(count, 'line')} {'was' if count == 1 else 'were'} left out here: nobody read them"
    return _line(None, now, AlertKind.NOTICE, Severity.WARNING, profile, title)


def _line(number: str | None, at: float, kind: str, severity: Severity, profile: str, title: str) -> Json:
    """In the shape of a message; what is never delivered has neither a number nor a key."""
    return {
        "schema": "iamops.alert/1",
        "id": number,
        "at": rfc3339(at),
        "kind": str(kind),
        "severity": str(severity),
        "profile": profile,
        "title": title,
        "body": [],
        "node": None,
        "code": None,
    }
