"""What triage answers: findings, the root causes first with what they explain, and what cannot be told."""

from __future__ import annotations

from dataclasses import dataclass, replace

from console.judge.findings import Blind, Finding
from console.model.facts import RANK, Severity


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`findings` are ranked; those that another one explains stand under it, and nowhere else.

    `checked`: the codes of all rules whose evidence was there. `blind`: what could not be judged.
    """

    findings: tuple[Finding, ...]
    blind: tuple[Blind, ...] = ()
    checked: tuple[str, ...] = ()

    def at_least(self, floor: Severity) -> bool:
        """Is there a finding at least as severe, explained ones included?"""
        return any(RANK[each.severity] <= RANK[floor] for each in flat(self.findings))


def flat(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Findings and, after each, what it explains."""
    return tuple(one for each in findings for one in (each, *flat(each.explains)))


def as_loud(finding: Finding) -> Finding:
    """A cause is at least as severe as the worst that it explains."""
    loudest = min((each.severity for each in flat((finding,))), key=RANK.__getitem__)
    return replace(finding, severity=loudest)
