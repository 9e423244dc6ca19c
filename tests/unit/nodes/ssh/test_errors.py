"""Why a connection cannot be made, in words."""

from __future__ import annotations

import asyncio
import socket

import pytest

from iamops.nodes.ssh import errors
from iamops.nodes.transport import ConnectRefused, HandshakeFailed, Unreachable
from tests.support.connecting import PLACE, failure_of
from tests.support.sockets import closed_port
from tests.support.ssh_node import Operator


async def test_a_closed_port_is_refused(operator: Operator) -> None:
    with closed_port() as port:
        failure = await failure_of(operator.connector(port))

    assert isinstance(failure, ConnectRefused)
    assert f"127.0.0.1 port {port}" in failure.reason


async def test_something_that_is_not_ssh_is_named_as_such(operator: Operator) -> None:
    async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"\x1b[31m\n" * 2000)
        writer.close()

    server = await asyncio.start_server(http, "127.0.0.1", 0)
    failure = await failure_of(operator.connector(server.sockets[0].getsockname()[1]))
    server.close()
    await server.wait_closed()

    assert isinstance(failure, HandshakeFailed)
    assert "\x1b" not in failure.reason


async def test_a_server_that_hangs_up_is_a_failed_handshake(operator: Operator) -> None:
    async def busy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(busy, "127.0.0.1", 0)
    failure = await failure_of(operator.connector(server.sockets[0].getsockname()[1]))
    server.close()
    await server.wait_closed()

    assert isinstance(failure, HandshakeFailed)
    assert "closed the connection during login" in failure.reason


@pytest.mark.parametrize(
    ("error", "reason", "next_step"),
    [
        (socket.gaierror(-2, "Name or service not known"), "cannot be resolved", "ssh.host in the profile"),
        (OSError(113, "No route to host"), "No route to host", "ip route get 10.0.4.20"),
        (OSError(101, "Network is unreachable"), "Network is unreachable", "ip route get 10.0.4.20"),
    ],
)
def test_no_way_to_a_host_says_what_the_kernel_said(error: OSError, reason: str, next_step: str) -> None:
    failure = errors.dial_failed(PLACE, error)

    assert isinstance(failure, Unreachable)
    assert reason in failure.reason
    assert next_step in failure.next_step
