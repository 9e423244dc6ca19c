"""Sockets in network namespaces. What needs root makes a namespace of its own and removes it again."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest

from iamops.nodes import netns
from iamops.nodes.netns import NamespaceForbidden, NamespaceMissing, connect, open_socket
from tests.support.sockets import closed_port, dark_port, silent_port

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("ip"), reason="making a network namespace needs root and iproute2"
)


@pytest.fixture
def namespace() -> Iterator[str]:
    """A closed namespace: loopback only, and that is up."""
    name = f"iamops-test-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


def own_namespace() -> int:
    return os.stat("/proc/thread-self/ns/net").st_ino


def test_without_a_namespace_a_socket_is_an_ordinary_one() -> None:
    with silent_port() as port, open_socket(None, socket.AF_INET) as ordinary:
        ordinary.connect(("127.0.0.1", port))


def test_a_missing_namespace_means_that_the_lab_is_not_up() -> None:
    with pytest.raises(NamespaceMissing, match="the lab is not up") as failure:
        open_socket("iamops-no-such-lab", socket.AF_INET)

    assert failure.value.strerror
    assert "iamops-no-such-lab" in failure.value.strerror


def test_a_leftover_file_is_no_namespace(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(netns, "NAMESPACES", tmp_path)
    (tmp_path / "old").touch()

    expected = NamespaceMissing if os.geteuid() == 0 else (NamespaceMissing, NamespaceForbidden)
    with pytest.raises(expected):
        open_socket("old", socket.AF_INET)


@needs_root
def test_a_socket_lives_in_the_namespace_and_nobody_else_moves(namespace: str) -> None:
    before = own_namespace()
    threads = threading.active_count()
    with open_socket(namespace, socket.AF_INET) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        with connect("127.0.0.1", port, 1.0, namespace=namespace):
            listener.accept()[0].close()
        with pytest.raises(ConnectionRefusedError):
            connect("127.0.0.1", port, 1.0)

    assert own_namespace() == before
    assert threading.active_count() == threads


@needs_root
def test_nothing_leaves_a_closed_namespace(namespace: str) -> None:
    with pytest.raises(OSError, match="unreachable"):
        connect("10.0.4.20", 22, 1.0, namespace=namespace)


def test_connecting_tells_refused_from_dark() -> None:
    with closed_port() as port, pytest.raises(ConnectionRefusedError):
        connect("127.0.0.1", port, 1.0)
    with dark_port() as port, pytest.raises(TimeoutError):
        connect("127.0.0.1", port, 0.1)


def test_a_name_is_never_looked_up() -> None:
    with pytest.raises(OSError, match="not known"):
        connect("iam-a.example", 22, 1.0)
