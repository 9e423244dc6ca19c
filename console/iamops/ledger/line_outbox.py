"""The outbox of versions before 0.7: checksummed lines, each an event. It is read once and taken over."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

from iamops.judge.alerts.memory import DeliveredToAll
from iamops.model.foreign import json_of
from iamops.report.watch import message_of


def line_records(path: Path) -> tuple[dict[str, str], int]:
    """What the lines come to as records of the outbox, and how many were cut off or changed. Raises OSError."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return {}, 0
    waiting, kept, delivered, bad = dict[str, Any](), dict[str, Any](), DeliveredToAll(), 0
    lost: dict[str, int] = {}
    for line in filter(None, lines):
        try:
            entry = entry_of(line)
            number, by = entry.get("accepted") or entry.get("given_up"), str(entry.get("by"))
            if number is not None:
                queued = waiting.get(str(number), {"to": []})
                if "accepted" in entry and by in queued["to"]:
                    delivered.took(by, message_of(queued["message"]))
                lost[by] = lost.get(by, 0) + 1 if "given_up" in entry else 0
                queued["to"] = [to for to in queued["to"] if to != by]
                continue
            if "heard" in entry:
                delivered.recall(entry["heard"])
            put = {
                str(raw["message"]["id"]): {"message": raw["message"], "to": list(raw["to"])}
                for raw in entry["put"]
            }
            kept["next"] = max(kept.get("next", 1), int(entry["next"]))
            waiting |= put
            lost |= {str(to): int(count) for to, count in entry.get("lost", {}).items()}
            kept["alerts"] = entry["alerts"] or kept.get("alerts")
        except (ValueError, TypeError, KeyError, AttributeError):
            bad += 1
    waiting = {number: queued for number, queued in waiting.items() if queued["to"]}
    records = kept | {"lost": lost, "delivered": delivered.document} | waiting
    return {name: json.dumps(value) for name, value in records.items()}, bad


def entry_of(line: bytes) -> dict[str, Any]:
    """Raises ValueError for a line that was cut off or changed."""
    checksum, _, text = line.partition(b" ")
    entry = json_of(text)
    if checksum != b"%08x" % zlib.crc32(text) or not isinstance(entry, dict):
        raise ValueError("not what was written")
    return entry
