"""Asks the rules about the present, not at every frame, and keeps what stands for whoever paints."""

from __future__ import annotations

from collections.abc import Callable

from console.judge.diagnosis import Diagnosis
from console.judge.findings import Finding, Key
from console.judge.raised import Told
from console.judge.standing import EarlierLook, earlier_look, only_deep, standing
from console.model.events import Noticed
from console.model.observed import Freshness
from console.tui.cluster import Cluster
from console.tui.own_run import OwnRun, locked

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
        running: Callable[[], str],
    ) -> None:
        """`running` is the action of ours that is under way, in words."""
        self._cluster, self._judged, self._again = cluster, judged, again
        self._own_run = OwnRun(lambda: running() or locked(cluster.store.state))
        self._asked_at = float("-inf")
        self._live: tuple[Finding, ...] = ()
        self.look: EarlierLook | None = None
        self.findings: tuple[Finding, ...] = ()
        self.deep: frozenset[Key] = frozenset()
        self._told = Told()

    def ask(self) -> bool:
        """Asks, unless that was done a moment ago; True if the answer changed."""
        now = self._cluster.now()
        if abs(now - self._asked_at) < JUDGE_GAP_S:
            self._again()
            return False
        self._asked_at = now
        found = self._cluster.findings(self._cluster.store.state, now)
        self._judged(found, now)
        self._live = self._own_run.told(found, now)
        return self._stand(now)

    def looked(self, diagnosis: Diagnosis) -> None:
        """A deep look is over. It stays part of what stands, whichever view is open."""
        now = self._cluster.now()
        self.look = earlier_look(diagnosis, now, self._live)
        self._stand(now)

    def _stand(self, now: float) -> bool:
        before, self.findings = self.findings, standing(self._live, self.look, now)
        self.deep = only_deep(self._live, self.look)
        self._tell_changes(now)
        return before != self.findings

    def _tell_changes(self, now: float) -> None:
        """What came and what is over are lines of the event list."""
        nodes = self._cluster.store.state.nodes.values()
        unseen = [node.name for node in nodes if node.freshness(now) is not Freshness.LIVE]
        self._told, notices = self._told.step(self.findings, unseen, now)
        for each in notices:
            self._cluster.store.apply(Noticed(each.at, each.node, each.severity, each.text))
