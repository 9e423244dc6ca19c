"""While an action is under way, what it brings about is told as that, and nothing advises against it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from console.judge.diagnosis import flat
from console.judge.findings import NOTHING_DURING, Finding, Key
from console.model.observed import Known
from console.model.state import ClusterState

# What it stopped or moved has come to rest so long after it.
SETTLES_S = 5.0
# What no action brings about on purpose.
NEVER_MEANT = frozenset({"split-brain"})


def locked(state: ClusterState) -> str:
    """The action that holds a node, whoever runs it: a drill from another terminal is no trouble either."""
    locks = (node.safety.value.lock for node in state.nodes.values() if isinstance(node.safety, Known))
    return next((f"{lock.action} by {lock.who}" for lock in locks if lock is not None), "")


class OwnRun:
    """Remembers what was found before the run began: that keeps its steps."""

    def __init__(self, running: Callable[[], str]) -> None:
        self._running = running
        self._name = ""
        self._until = float("-inf")
        self._before: frozenset[Key] = frozenset()
        self._known: frozenset[Key] = frozenset()

    def told(self, findings: tuple[Finding, ...], now: float) -> tuple[Finding, ...]:
        """The findings, those that came with the run without a step of their own."""
        running = self._running()
        if running:
            if not self._name:
                self._before = self._known
            self._name, self._until = running, now + SETTLES_S
        elif now >= self._until:
            self._name = ""
        if not self._name:
            self._known = frozenset(each.key for each in flat(findings))
            return findings
        return tuple(self._without_step(each) for each in findings)

    def _without_step(self, finding: Finding) -> Finding:
        explains = tuple(self._without_step(each) for each in finding.explains)
        if finding.key in self._before or finding.code in NEVER_MEANT:
            return replace(finding, explains=explains)
        return replace(finding, explains=explains, next=f"{NOTHING_DURING} {self._name}")
