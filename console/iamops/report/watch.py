"""What `iamops watch status` and `test` print as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iamops.judge.alerts.silence import Silence
from iamops.model.timestamps import rfc3339
from iamops.report.text import Json


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
