"""What `iamops config diff` and `history` print as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from iamops.model.safe_text import safe
from iamops.model.timestamps import rfc3339
from iamops.parse.config_files import PushRecord
from iamops.plan.config.change import NodeFilesChange, diff_lines
from iamops.plan.config.meaning import change_summary, incompatible
from iamops.report.text import Json


def config_diff_document(changes: Mapping[str, NodeFilesChange]) -> Json:
    """`iamops.config-diff/1`."""
    return {
        "schema": "iamops.config-diff/1",
        "in_sync": not any(change.files for change in changes.values()),
        "meaning": [*change_summary(changes), *incompatible(changes)],
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


def by_push(pushes: Mapping[str, tuple[PushRecord, ...]]) -> dict[str, dict[str, PushRecord]]:
    """Newest push first: what each node remembers of it."""
    merged: dict[str, dict[str, PushRecord]] = {}
    for node, records in pushes.items():
        for record in records:
            merged.setdefault(record.push, {})[node] = record
    return dict(sorted(merged.items(), reverse=True))


def remembered(record: PushRecord, key: str) -> str:
    return safe(str(record.meta.get(key, "")), 120)


def config_history_document(pushes: Mapping[str, tuple[PushRecord, ...]]) -> Json:
    """`iamops.config-history/1`, newest first."""
    rows = []
    for push, by_node in by_push(pushes).items():
        first = next(iter(by_node.values()))
        rows.append(
            {
                "push": push,
                **{key: remembered(first, key) for key in ("who", "reason", "command")},
                "what": first.meta.get("what", []),
                "nodes": {
                    node: {
                        "outcome": record.outcome,
                        "at": None if record.at is None else rfc3339(record.at, "seconds"),
                    }
                    for node, record in by_node.items()
                },
            }
        )
    return {"schema": "iamops.config-history/1", "pushes": rows}
