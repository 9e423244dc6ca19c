"""Asks the rules about the present, not at every frame, and keeps what stands for whoever paints."""

from __future__ import annotations

from collections.abc import Callable

from console.judge.diagnosis import Diagnosis
from console.judge.findings import Finding, Key
from console.judge.standing import EarlierLook, earlier_look, only_deep, standing
from console.tui.cluster import Cluster

JUDGE_GAP_S = 0.25


class Judging:
    """`judged(live, now)` hears every answer of the rules; `again()` has them asked at a later frame.

    `findings` are the live ones and those of the last deep look in one tree, `deep` those that it alone told.
    """

    def __init__(
        self,
        cluster: Cluster,
        judged: Callable[[tuple[Finding, ...], float], None],
        again: Callable[[], None],
    ) -> None:
        self._cluster, self._judged, self._again = cluster, judged, again
        self._asked_at = float("-inf")
        self._live: tuple[Finding, ...] = ()
        self.look: EarlierLook | None = None
        self.findings: tuple[Finding, ...] = ()
        self.deep: frozenset[Key] = frozenset()

    def ask(self) -> bool:
        """Asks, unless that was done a moment ago; True if the answer changed."""
        now = self._cluster.now()
        if abs(now - self._asked_at) < JUDGE_GAP_S:
            self._again()
            return False
        self._asked_at = now
        self._live = self._cluster.findings(self._cluster.store.state, now)
        self._judged(self._live, now)
        return self._stand(now)

    def looked(self, diagnosis: Diagnosis) -> None:
        """A deep look is over. It stays part of what stands, whichever view is open."""
        now = self._cluster.now()
        self.look = earlier_look(diagnosis, now, self._live)
        self._stand(now)

    def _stand(self, now: float) -> bool:
        before, self.findings = self.findings, standing(self._live, self.look, now)
        self.deep = only_deep(self._live, self.look)
        return before != self.findings
