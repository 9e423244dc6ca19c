"""Ending a session: what does not answer is not waited for."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from iamops.nodes.probes.client import TIMEOUT_S
from iamops.session.cluster import Cluster
from tests.support.loopback import loopback


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
