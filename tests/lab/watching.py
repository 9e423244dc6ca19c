"""A cluster under observation in a test, and waiting for what it should see. No sleeps in the tests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from iamops.judge.findings import flat
from iamops.model.state import ClusterState
from iamops.model.vip import ownership
from iamops.session.cluster import Cluster
from iamops.session.profiles import load_profile

TICK_S = 0.05


class Watching:
    """`until` waits for a claim about (state, now): at every event, and as time passes."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    @property
    def state(self) -> ClusterState:
        return self.cluster.store.state

    def owners(self) -> list[str]:
        return [claim.node for claim in ownership(self.state, "VI_1", self.cluster.now()).owners]

    def codes(self) -> list[str]:
        return [f.code for f in flat(self.cluster.findings(self.state, self.cluster.now()))]

    async def until(self, claim: Callable[[], bool], timeout_s: float) -> float:
        """Seconds until the claim held. Fails with the state's own words if it never did."""
        started = self.cluster.now()
        while not claim():
            waited = self.cluster.now() - started
            assert waited < timeout_s, f"not so after {timeout_s} s: owners {self.owners()}, {self.codes()}"
            await asyncio.sleep(TICK_S)
        return self.cluster.now() - started

    async def settled(self, timeout_s: float = 10.0) -> None:
        assert await self.cluster.settled(timeout_s)


@contextlib.asynccontextmanager
async def watching() -> AsyncIterator[Watching]:
    """The lab's cluster, observed as the console does it, with everything seen once."""
    cluster = Cluster(load_profile("lab"))
    await cluster.start()
    try:
        seen = Watching(cluster)
        await seen.settled()
        yield seen
    finally:
        await cluster.stop()
