"""A console that is cut at an exact boundary.

    python -m tests.lab.cut_console PROFILE STATE PREFIX AT HOW NODE -- ACTION

A boundary is every change in the account of a run: a phase, a step that began, was sent, was observed or
ended, an undo. STATE and PREFIX are the lab's place. HOW is `none` (count them), `kill` (SIGKILL to ourselves),
`ssh` (the node's SSH is cut off) or `power` (the node loses power). Prints the run as JSON unless it was killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from iamops.judge.run import RunReport
from iamops.lab.lab import Lab
from iamops.lab.place import LabPaths
from iamops.model.profile import Profile
from iamops.plan.action import Action, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.report.run import run_document
from iamops.session.cluster import Cluster
from iamops.session.config.configurator import Configurator
from iamops.session.operator import Operator
from iamops.session.profiles import load_profile

FAULTS = {"ssh": "ssh-blocked", "power": "power-off"}
SETTLE_S = 10.0


class Boundaries:
    """Counts the boundaries of a run, and cuts at one of them."""

    def __init__(self, lab: Lab, at: int, how: str, node: str) -> None:
        self._lab, self._at, self._how, self._node = lab, at, how, node
        self._seen: Any = None
        self.names: list[str] = []

    def __call__(self, report: RunReport) -> None:
        now = boundary_of(report)
        if now == self._seen:
            return
        self.names.append(boundary_name(self._seen, now))
        self._seen = now
        if len(self.names) - 1 == self._at:
            self._cut()

    def _cut(self) -> None:
        if self._how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self._how in FAULTS:
            self._lab.fault(FAULTS[self._how], self._node)


def action_of(words: Sequence[str]) -> Action:
    """`switchover`, `switchover --plain`, `restart UNIT NODE`, `restart UNIT --rolling`, ..."""
    if words[0] == "switchover":
        return Switchover(plain="--plain" in words)
    if "--rolling" in words:
        return RollingRestart(words[1])
    return ServiceAction(UnitVerb(words[0]), words[1], words[2])


async def carried_out(profile: Profile, words: Sequence[str], cut: Boundaries) -> dict[str, Any]:
    cluster = Cluster(profile)
    operator = Operator(cluster, profile_name="lab")
    operator.arm()
    await cluster.start()
    try:
        assert await cluster.settled(SETTLE_S)
        pushing = list(words) == ["config", "push"]
        action = await Configurator(profile, cluster.transport).push() if pushing else action_of(words)
        overrides = ("anti-flap", "last-backend", "datastore-spof")
        report = await operator.run(operator.order(action, reason="cut", overrides=overrides), cut)
    finally:
        await cluster.stop()
    return {**run_document(report, "lab"), "boundaries": cut.names}


def boundary_of(report: RunReport) -> Any:
    """Where a run is: another value is another boundary."""
    stages = tuple((step.step.title, step.stage) for step in report.steps)
    undone = tuple((each.undo.title, each.stage) for each in report.undone)
    return (report.phase, stages, undone)


def boundary_name(before: Any, now: Any) -> str:
    """What has changed, for the test's own name."""
    if before is None or before[0] != now[0]:
        return str(now[0])
    for old, new in zip((*before[1], *before[2]), (*now[1], *now[2]), strict=False):
        if old != new:
            return f"{new[0]}: {new[1]}"
    return f"undo {now[2][-1][0]}: {now[2][-1][1]}" if now[2] else "plan"


def main(argv: Sequence[str]) -> None:
    path, state, prefix, at, how, node, _, *words = argv
    profile = load_profile(path)
    cut = Boundaries(Lab(profile, LabPaths(Path(state), prefix)), int(at), how, node)
    document = asyncio.run(carried_out(profile, words, cut))
    print(json.dumps(document))


if __name__ == "__main__":
    main(sys.argv[1:])
