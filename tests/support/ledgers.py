"""A ledger with some records in it."""

from __future__ import annotations

from pathlib import Path

from iamops.ledger.audit import Audit

BODY = {"run": "r1", "who": "alice", "reason": "Änderung \x1b[31m", "steps": [{"took_s": 1.25}]}


def filled(path: Path, count: int = 3) -> bytes:
    audit = Audit(path, lambda: 1_700_000_000.5)
    for _ in range(count):
        audit.append("intent", BODY)
    return path.read_bytes()
