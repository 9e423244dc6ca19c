"""Differences and pushes as text and as documents. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from console.cli.coloured import CYAN, GREEN, RED, Coloured
from console.model.timestamps import rfc3339
from console.parse.config_archive import PushRecord
from console.parse.safe_text import safe
from console.plan.config_change import NodeChange
from console.plan.config_diff import diff_lines
from console.plan.config_meaning import apart, meaning


def diff_text(changes: Mapping[str, NodeChange]) -> Iterator[str]:
    """What it means, then a unified diff of every file that differs."""
    if not any(change.files for change in changes.values()):
        yield f"in sync: {', '.join(changes)}"
        return
    for sentence in (*meaning(changes), *apart(changes)):
        yield f"* {sentence}"
    for node, change in changes.items():
        if not change.files:
            yield f"* {node}: in sync"
        for file in change.files:
            yield from map(_coloured, diff_lines(file, node))


def diff_document(changes: Mapping[str, NodeChange]) -> dict[str, Any]:
    """`iamops.config-diff/1`."""
    return {
        "schema": "iamops.config-diff/1",
        "in_sync": not any(change.files for change in changes.values()),
        "meaning": [*meaning(changes), *apart(changes)],
        "nodes": {
            node: {
                "in_sync": not change.files,
                "files": [
                    {
                        "path": file.path,
                        "change": "new" if file.old is None else "gone" if file.new is None else "changed",
                        "diff": diff_lines(file, node),
                    }
                    for file in change.files
                ],
            }
            for node, change in changes.items()
        },
    }


def history_text(pushes: Mapping[str, tuple[PushRecord, ...]]) -> Iterator[str]:
    """Newest first: one line for what and who, one for each node's outcome where they differ."""
    merged = _merged(pushes)
    if not merged:
        yield "no pushes yet"
    for push, by_node in sorted(merged.items(), reverse=True):
        first = next(iter(by_node.values()))
        outcomes = {record.told for record in by_node.values()}
        how = outcomes.pop() if len(outcomes) == 1 else ", ".join(f"{n}: {r.told}" for n, r in by_node.items())
        yield f"{push}  {how}  {_told(first, 'who')}  {_told(first, 'command')}  on {', '.join(by_node)}"
        if _told(first, "reason"):
            yield f"    reason: {_told(first, 'reason')}"
        for sentence in first.meta.get("what") or ():
            yield f"    * {safe(str(sentence), 200)}"


def history_document(pushes: Mapping[str, tuple[PushRecord, ...]]) -> dict[str, Any]:
    """`iamops.config-history/1`, newest first."""
    return {
        "schema": "iamops.config-history/1",
        "pushes": [
            {
                "push": push,
                **{key: _told(next(iter(by_node.values())), key) for key in ("who", "reason", "command")},
                "what": next(iter(by_node.values())).meta.get("what", []),
                "nodes": {
                    node: {"outcome": record.outcome, "at": _time(record.at)} for node, record in by_node.items()
                },
            }
            for push, by_node in sorted(_merged(pushes).items(), reverse=True)
        ],
    }


def _merged(pushes: Mapping[str, tuple[PushRecord, ...]]) -> dict[str, dict[str, PushRecord]]:
    merged: dict[str, dict[str, PushRecord]] = {}
    for node, records in pushes.items():
        for record in records:
            merged.setdefault(record.push, {})[node] = record
    return merged


def _told(record: PushRecord, key: str) -> str:
    return safe(str(record.meta.get(key, "")), 120)


def _time(at: float | None) -> str | None:
    return None if at is None else rfc3339(at, "seconds")


def _coloured(line: str) -> str:
    if line.startswith(("---", "+++", "@@")):
        return Coloured(line, CYAN)
    tone = {"+": GREEN, "-": RED}.get(line[:1])
    return Coloured(line, tone) if tone else line
