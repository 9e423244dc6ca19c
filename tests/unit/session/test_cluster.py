"""A cluster in a session: what fails in it is a finding, and stopping waits for nobody."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from iamops.judge.findings import Finding
from iamops.model.events import Event, LinkChanged
from iamops.model.facts import Link, LinkState, Severity
from iamops.model.state import ClusterState
from iamops.nodes.probes.client import TIMEOUT_S
from iamops.session import cluster as module
from iamops.session import cluster as parts
from iamops.session.cluster import Cluster
from tests.support.loopback import loopback
from tests.support.profiles import pair


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


@pytest.fixture
def dark_vip() -> Iterator[socket.socket]:
    """A VIP whose nginx takes connections and says nothing."""
    with socket.create_server(("127.0.0.99", 0)) as listener:
        listener.settimeout(5)
        yield listener


async def test_a_client_probe_that_waits_for_a_dark_vip_is_not_waited_for(
    dark_vip: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    cluster = Cluster(loopback(nginx_port=dark_vip.getsockname()[1]))
    await cluster.start()
    connection, _ = dark_vip.accept()  # from here on the probe waits for an answer
    with connection:
        began = time.monotonic()
        await cluster.stop()
        assert time.monotonic() - began < TIMEOUT_S / 2
        told = cluster.store.state
    assert cluster.store.state is told


NOW = 1_795_442_000.0


async def test_with_no_node_connected_everything_is_blind_and_nothing_is_well() -> None:
    profile = pair(network_namespace=None)
    diagnosis = await Cluster(profile, clock=lambda: NOW).examine()
    blind = {each.code for each in diagnosis.not_evaluated}
    assert {"split-brain", "nginx-hung", "config-drift"} <= blind
    assert not blind & set(diagnosis.checked)


def test_a_node_without_a_connection_is_told_with_reason_and_fix():
    cluster = Cluster(pair())
    assert cluster.why_not_connected("iam-a") == "iam-a is not connected"
    down = Link(LinkState.DOWN, reason="10.0.4.20 port 22 refused the connection", next_step="start sshd")
    cluster.store.apply(LinkChanged(cluster.now(), "iam-a", down))
    assert cluster.why_not_connected("iam-a") == f"iam-a: {down.reason}; next: start sshd"
