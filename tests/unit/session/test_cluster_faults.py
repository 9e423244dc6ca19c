"""What nobody waits for is told too: a callback or a subscriber that fails, a thread that stands still."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from iamops.judge.findings import Finding
from iamops.model.events import Event
from iamops.model.facts import Severity
from iamops.model.state import ClusterState
from iamops.session import cluster as module
from iamops.session import cluster as parts
from iamops.session.cluster import Cluster
from tests.support.loopback import loopback


@pytest.fixture
async def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cluster]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(parts, "CHECK_EVERY_S", 0.01)
    made = Cluster(loopback())
    yield made
    await made.stop()


async def found(cluster: Cluster, claim: Callable[[Finding], bool]) -> Finding:
    async with asyncio.timeout(5):
        while True:
            for each in cluster.findings(cluster.store.state, cluster.now()):
                if claim(each):
                    return each
            await asyncio.sleep(0.005)


async def test_a_callback_that_fails_is_a_finding(cluster: Cluster, capsys: pytest.CaptureFixture[str]):
    def fails() -> None:
        raise KeyError("iam-c")

    await cluster.start()
    asyncio.get_running_loop().call_soon(fails)
    told = await found(cluster, lambda each: each.code == "part-failing")
    assert "KeyError" in told.evidence[0].value
    assert "Traceback" not in capsys.readouterr().err


async def test_a_subscriber_that_fails_keeps_no_event_from_the_others(cluster: Cluster):
    heard: list[Event] = []

    def fails(state: ClusterState, event: Event) -> None:
        raise RecursionError

    cluster.store.subscribe(fails)
    cluster.store.subscribe(lambda _state, event: heard.append(event))
    await cluster.start()
    async with asyncio.timeout(5):
        while len(heard) < 4:  # noqa: ASYNC110 - the claim is about many events
            await asyncio.sleep(0.01)
    told = await found(cluster, lambda each: each.code == "part-failing")
    assert "showing what is known fails" in told.title


async def test_a_clients_probe_that_stands_still_is_critical(cluster: Cluster, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "CLIENT_SILENT_S", -3.95)
    monkeypatch.setattr("iamops.nodes.probes.client.ClientProbe._round", lambda self, questions: time.sleep(0.5))
    await cluster.start()
    told = await found(cluster, lambda each: each.code == "part-still")
    assert told.severity is Severity.CRITICAL
    assert "the client's probe stands still" in told.title
