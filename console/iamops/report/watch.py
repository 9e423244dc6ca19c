"""What `iamops watch` writes: its messages as they are kept and sent, and back; its state; a trial. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from iamops.judge.alerts.message import AlertKind, Message, message
from iamops.judge.alerts.silence import Silence
from iamops.model.facts import Severity
from iamops.model.text import counted
from iamops.model.timestamps import rfc3339
from iamops.report.text import Json


def alert_document(number: str, alert: Message) -> Json:
    """`iamops.alert/1`. `number` names the message: the same one at every attempt to deliver it."""
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


def watch_document(
    profile: str,
    now: float,
    directory: str,
    *,
    running: bool,
    silence: Silence | None,
    silence_trouble: str,
    alerts: Mapping[str, Any],
    waiting_since: Sequence[float],
    unreadable_lines: int,
) -> Json:
    """`iamops.watch/1`. `alerts`: what the outbox remembers; `waiting_since`: of its messages, oldest first."""
    return {
        "schema": "iamops.watch/1",
        "at": rfc3339(now),
        "profile": profile,
        "directory": directory,
        "running": running,
        "silence": silence.document() if silence else None,
        "silence_trouble": silence_trouble or None,
        "vip": {name: vip.get("seen_on") for name, vip in alerts.get("vips", {}).items()},
        "open": [
            {
                "code": case["code"],
                "node": case["node"],
                "severity": case["severity"],
                "title": case["title"],
                "since": rfc3339(float(case["first"])),
                "told": case["told_as"] is not None,
            }
            for case in alerts.get("cases", ())
            if case.get("open")
        ],
        "undelivered": len(waiting_since),
        "oldest_undelivered_s": round(now - waiting_since[0], 1) if waiting_since else None,
        "unreadable_lines": unreadable_lines,
    }


def watch_test_document(answers: Sequence[Json]) -> Json:
    """`iamops.watch-test/1`."""
    return {"schema": "iamops.watch-test/1", "destinations": list(answers)}
