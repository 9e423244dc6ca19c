"""Watching is light: services are asked as often by three watchers as by one, and trouble is seen all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from iamops.model.observed import Known
from iamops.session.cluster import Cluster
from tests.bench.questions import CALM_S, asked, watchers
from tests.lab.acting import ActingLab, profile_of
from tests.lab.watching import Watching

COUNTED_S = 15.0
# Three at full rate ask 2 to 5 times a second. The number of the design is for `make bench`: here a probe that is
# late on a machine with other labs brings full rate for a while.
NO_TURNS_PER_S = 2.0


async def test_three_watchers_ask_as_often_as_one_and_see_a_hung_service_soon(standins: ActingLab):
    lab = standins
    execute = execute_on(lab)
    with watchers(2, str(lab.profile_file)):
        cluster = Cluster(profile_of(lab.profile_file))
        await cluster.start()
        try:
            seen = Watching(cluster)
            # The others began later than this one.
            calm_at = cluster.now() + CALM_S
            await seen.until(lambda: cluster.pace.calm and cluster.now() > calm_at, CALM_S + 20)
            before = await asyncio.to_thread(asked, execute, lab.profile, COUNTED_S)
            assert before.most <= NO_TURNS_PER_S / 2, before
            lab.fault("hang-unit", "iam-b", "iam-pump")
            try:
                await seen.until(lambda: not healthy(cluster, "iam-b", "iam-pump"), 20)
            finally:
                lab.heal("hang-unit", "iam-b", "iam-pump")
            await seen.until(lambda: healthy(cluster, "iam-b", "iam-pump"), 10)
        finally:
            await cluster.stop()


def healthy(cluster: Cluster, node: str, service: str) -> bool:
    seen = cluster.store.state.nodes[node].services[service]
    return isinstance(seen, Known) and seen.value.ok


def execute_on(lab: ActingLab) -> Callable[[str, Sequence[str]], str]:
    def execute(node: str, argv: Sequence[str]) -> str:
        return str(lab.must(node, argv))

    return execute
