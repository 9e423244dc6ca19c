"""Goes to the Triage view in a test, on a troubled cluster."""

from __future__ import annotations

from dataclasses import replace

from iamops.judge.findings import Diagnosis
from tests.support import scenes
from tests.support.scenes import FixedCluster
from tests.support.screens import Watched, console
from tests.support.triage_samples import BLINDS, CHECKED, NO_GRANT, SPLIT


def troubled(environment: str = "lab") -> FixedCluster:
    """The live state tells of the split and of the grant; the deep look also of flapping, and of what is blind."""
    live = (replace(SPLIT, explains=()), NO_GRANT)
    cluster = FixedCluster(scenes.split_brain(environment), findings=live)
    cluster.deep = Diagnosis((SPLIT, NO_GRANT), BLINDS, CHECKED)
    return cluster


def on(cluster: FixedCluster, size: tuple[int, int] = (120, 40)):
    return console(cluster.store.state, size, cluster)


async def at_triage(seen: Watched) -> None:
    await seen.press("6")
    await seen.pilot.pause(0.2)
