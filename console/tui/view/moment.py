"""What every view is drawn from: the state, the time, the findings and what the operator asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from console.judge.findings import Finding
from console.model.state import ClusterState


@dataclass(frozen=True, slots=True)
class Moment:
    """One picture of the cluster. `needle` is the filter; `paused_s` says how old a held picture is."""

    state: ClusterState
    now: float
    findings: tuple[Finding, ...] = ()
    needle: str = ""
    paused_s: float | None = None

    def keeps(self, texts: Iterable[str]) -> bool:
        """Whether something made of `texts` passes the filter."""
        wanted = self.needle.casefold()
        return not wanted or any(wanted in text.casefold() for text in texts)
