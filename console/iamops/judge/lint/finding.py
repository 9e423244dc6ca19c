"""What lint says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from iamops.model.facts import RANK, Severity


@dataclass(frozen=True, slots=True)
class LintRule:
    """One rule of the catalogue."""

    code: str
    severity: Severity
    title: str
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that was broken: where, and what was seen. `node` is the tree's name."""

    code: str
    evidence: str
    node: str | None = None
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class LintFinding:
    """A hit with its rule. `silenced`: why the profile does not want to hear of it."""

    rule: LintRule
    hit: Hit
    silenced: str | None = None

    @property
    def where(self) -> str:
        """node:file:line, as far as it is known."""
        parts = (self.hit.node, self.hit.file, str(self.hit.line) if self.hit.line else None)
        return ":".join(part for part in parts if part) or "profile"


@dataclass(frozen=True, slots=True)
class LintReport:
    """All findings, worst first. `nodes`: what was looked at. `not_asked`: code -> why its rule had nothing to
    judge.
    """

    findings: tuple[LintFinding, ...]
    nodes: tuple[str, ...] = ()
    not_asked: Mapping[str, str] = field(default_factory=dict)

    @property
    def unsilenced(self) -> tuple[LintFinding, ...]:
        return tuple(finding for finding in self.findings if finding.silenced is None)

    def worse_than(self, floor: Severity) -> bool:
        """Is there any finding, not silenced, at least as severe?"""
        return any(RANK[finding.rule.severity] <= RANK[floor] for finding in self.unsilenced)
