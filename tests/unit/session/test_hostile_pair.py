"""A short slice of `python -m tests.soak.hostile`: one node of a stand-in pair answers everything badly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from iamops.model.observed import Freshness
from iamops.nodes.collect import system
from iamops.report.status import status_document
from iamops.report.text import json_text
from iamops.session.cluster import Cluster
from iamops.session.profiles import load_profile
from tests.standin.pair import Pair, standin_pair
from tests.support.hostile import raw

SEED, SLICE_S, SLOW_S = 20261129, 3.0, 40.0


def enough(pair: Pair) -> bool:
    """Bad answers to most that is asked."""
    return pair.given.total() > 30 and len({question for question, _ in pair.given}) > 8


@asynccontextmanager
async def watched(path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Pair, Cluster]]:
    monkeypatch.setenv("HOME", str(path))
    path.chmod(0o700)
    async with standin_pair(path) as pair:
        cluster = Cluster(load_profile(str(pair.profile)))
        await cluster.start()
        try:
            assert await cluster.settled(8)
            yield pair, cluster
        finally:
            await cluster.stop()


async def test_whatever_one_node_says_no_part_dies_the_other_stays_live_and_no_control_comes_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with watched(tmp_path, monkeypatch) as (pair, cluster):
        pair.turn_bad(Random(SEED))
        began, late_s = time.monotonic(), 0.0
        # A busy machine asks less in the same time.
        while (past_s := time.monotonic() - began) < SLICE_S or (past_s < SLOW_S and not enough(pair)):
            asked = time.monotonic()
            await asyncio.sleep(0.4)
            late_s += time.monotonic() - asked - 0.4
            cluster.refresh_nodes()
            state, now = cluster.store.state, cluster.now()
            assert state.faults == {}
            assert state.nodes["iam-a"].freshness(now - late_s) is Freshness.LIVE
            document = status_document(state, cluster.findings(state, now), now)
            assert raw(json_text(document)) == []
        pair.turn_good()
    assert enough(pair)


async def test_the_slice_would_see_a_part_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What finds nothing must be able to find something."""

    def fails(text: str) -> None:
        raise RecursionError(text)

    async with watched(tmp_path, monkeypatch) as (_, cluster):
        monkeypatch.setattr(system, "read_host", fails)
        monkeypatch.setattr(system, "take_snapshot", fails)
        cluster.refresh_nodes()
        async with asyncio.timeout(5):
            while not cluster.store.state.faults:  # noqa: ASYNC110 - the claim is about the state
                await asyncio.sleep(0.01)
        (fault,) = {each.reason.partition(":")[0] for each in cluster.store.state.faults.values()}
        assert fault == "a fault of iamops"
