"""Asks the rules about the present, not at every frame, and keeps their findings for whoever paints."""

from __future__ import annotations

from collections.abc import Callable

from console.judge.findings import Finding
from console.tui.cluster import Cluster

JUDGE_GAP_S = 0.25


class Judging:
    """`judged(findings, now)` hears every answer; `again()` has the rules asked at a later frame."""

    def __init__(
        self,
        cluster: Cluster,
        judged: Callable[[tuple[Finding, ...], float], None],
        again: Callable[[], None],
    ) -> None:
        self._cluster, self._judged, self._again = cluster, judged, again
        self._asked_at = float("-inf")
        self.findings: tuple[Finding, ...] = ()

    def ask(self) -> bool:
        """Asks, unless that was done a moment ago; True if the answer changed."""
        now = self._cluster.now()
        if abs(now - self._asked_at) < JUDGE_GAP_S:
            self._again()
            return False
        self._asked_at = now
        before, self.findings = self.findings, self._cluster.findings(self._cluster.store.state, now)
        self._judged(self.findings, now)
        return before != self.findings
