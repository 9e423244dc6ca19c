"""TCP connections made from the node: by sshd, or by bash where sshd forbids it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from iamops.nodes.ssh.transport import SshTransport
from iamops.nodes.transport import CommandTimeout, ConnectFailed, ForwardingForbidden, LinkLost
from tests.support.sockets import closed_port, dark_port
from tests.support.ssh_node import Operator, SshNode, StartNode


@pytest.fixture(params=["sshd forwards", "bash does it"])
async def node(request: pytest.FixtureRequest, start_node: StartNode) -> SshNode:
    return await start_node(forwarding=request.param == "sshd forwards")


@pytest.fixture
async def link(node: SshNode, operator: Operator) -> AsyncIterator[SshTransport]:
    operator.has_key()
    operator.knows(node.known_hosts_line)
    transport = await operator.connector(node.port).connect()
    yield transport
    await transport.close()


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """Greets, repeats one message, and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello ")
        writer.write(await reader.read(100))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def read_all(stream) -> bytes:
    received = b""
    while chunk := await stream.read(5):
        received += chunk
    return received


async def test_bytes_go_both_ways_and_the_end_is_seen(link: SshTransport, echo: int) -> None:
    stream = await link.open_tcp("127.0.0.1", echo, timeout_s=5)
    await stream.write(b"\x00\xffbinary\n")

    assert await read_all(stream) == b"hello \x00\xffbinary\n"
    stream.close()


async def test_a_closed_port_is_refused(link: SshTransport) -> None:
    with closed_port() as port, pytest.raises(ConnectFailed, match="Connection refused") as failure:
        await link.open_tcp("127.0.0.1", port, timeout_s=5)

    assert failure.value.refused
    assert f"127.0.0.1:{port}" in failure.value.reason


async def test_a_silent_network_is_a_timeout(link: SshTransport) -> None:
    with dark_port() as port, pytest.raises(CommandTimeout, match="no connection from iam-a"):
        await link.open_tcp("127.0.0.1", port, timeout_s=0.2)


async def test_a_connection_that_opens_too_late_is_closed_again(start_node: StartNode, operator: Operator) -> None:
    released, closed = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        closed.set()
        writer.close()

    server = await asyncio.start_server(slow, "127.0.0.1", 0)
    node = await start_node(before_forward=released)
    operator.has_key()
    operator.knows(node.known_hosts_line)
    transport = await operator.connector(node.port).connect()
    with pytest.raises(CommandTimeout):
        await transport.open_tcp("127.0.0.1", server.sockets[0].getsockname()[1], timeout_s=0.1)
    released.set()

    await asyncio.wait_for(closed.wait(), 5)
    await transport.close()
    server.close()
    await server.wait_closed()


async def test_closing_it_leaves_nothing_on_the_node(link: SshTransport, node: SshNode) -> None:
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    stream = await link.open_tcp("127.0.0.1", server.sockets[0].getsockname()[1], timeout_s=5)
    stream.close()

    await asyncio.wait_for(gone.wait(), 5)
    server.close()
    await server.wait_closed()


async def test_sshd_is_not_asked_again_once_it_has_forbidden(
    start_node: StartNode, operator: Operator, echo: int
) -> None:
    node = await start_node(forwarding=False)
    operator.has_key()
    operator.knows(node.known_hosts_line)
    transport = await operator.connector(node.port).connect()
    for _ in range(3):
        (await transport.open_tcp("127.0.0.1", echo, timeout_s=5)).close()

    assert len(node.forwards) == 1
    assert len(node.commands) == 3
    await transport.close()


async def test_without_forwarding_and_without_bash_there_is_no_way(
    start_node: StartNode, operator: Operator
) -> None:
    node = await start_node(forwarding=False, prelude="exit 127; ")
    operator.has_key()
    operator.knows(node.known_hosts_line)
    transport = await operator.connector(node.port).connect()

    with pytest.raises(ForwardingForbidden, match="no bash") as failure:
        await transport.open_tcp("127.0.0.1", 80, timeout_s=5)

    assert failure.value.next_step == "AllowTcpForwarding local in sshd_config"
    await transport.close()


async def test_losing_the_link_is_told_from_losing_the_target(link: SshTransport, node: SshNode) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    stream = await link.open_tcp("127.0.0.1", server.sockets[0].getsockname()[1], timeout_s=5)
    node.connections[0].abort()

    with pytest.raises(LinkLost):
        await stream.read(1)
    server.close()
    await server.wait_closed()
