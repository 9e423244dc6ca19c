"""A ledger whose records differ, as its lines."""

from __future__ import annotations

from pathlib import Path

from iamops.ledger.audit import Audit

BODY = {"run": "r1", "who": "alice", "steps": [{"took_s": 1.25}]}


def filled(path: Path, count: int = 3) -> list[bytes]:
    audit = Audit(path, lambda: 1_700_000_000.5)
    for number in range(count):
        audit.append("intent", {**BODY, "run": f"r{number}"})
    return path.read_bytes().splitlines(keepends=True)
