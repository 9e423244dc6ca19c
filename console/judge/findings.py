"""What a rule says: a finding with its evidence and the next safe step."""

from __future__ import annotations

from dataclasses import dataclass

from console.model.facts import Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or cannot be told. `next` is a command or a look that changes nothing."""

    code: str
    severity: Severity
    title: str
    evidence: tuple[str, ...]
    next: str
    node: str | None = None
