"""Jump hosts: used, chained, closed, lost, and every way in which they can fail."""

from __future__ import annotations

import asyncio

from iamops.nodes.transport import ConnectRefused, ForwardingForbidden, HostKeyUnknown, SshConfigInvalid
from tests.support.connecting import failure_of, works
from tests.support.sockets import closed_port
from tests.support.ssh_node import Operator, StartNode


async def test_a_jump_host_is_used(start_node: StartNode, operator: Operator) -> None:
    bastion, node = await start_node(), await start_node()
    operator.has_key()
    operator.knows(bastion.known_hosts_line, node.known_hosts_line)
    operator.has_config(f"Host bastion\n  HostName 127.0.0.1\n  Port {bastion.port}\n  User jumper\n")

    await works(operator.connector(node.port, jump="bastion"))

    assert bastion.forwards == [("127.0.0.1", node.port)]
    assert (bastion.logins, node.logins) == (["jumper"], ["iamops"])


async def test_jump_hosts_of_the_configuration_are_chained(start_node: StartNode, operator: Operator) -> None:
    outer, inner, node = await start_node(), await start_node(), await start_node()
    operator.has_key()
    operator.knows(*(each.known_hosts_line for each in (outer, inner, node)))
    operator.has_config(
        f"Host outer\n  HostName 127.0.0.1\n  Port {outer.port}\n"
        "Host inner\n  HostName 127.0.0.1\n"
        f"Host *\n  ProxyJump ops@outer,inner:{inner.port}\n  User default\n"
    )

    # `Host *` names the jump hosts themselves too; their own ProxyJump must not lead in a circle.
    await works(operator.connector(node.port))

    assert outer.forwards == [("127.0.0.1", inner.port)]
    assert inner.forwards == [("127.0.0.1", node.port)]
    assert (outer.logins, inner.logins) == (["ops"], ["default"])


async def test_closing_the_connection_closes_its_jump_host(start_node: StartNode, operator: Operator) -> None:
    bastion, node = await start_node(), await start_node()
    operator.has_key()
    operator.knows(bastion.known_hosts_line, node.known_hosts_line)
    operator.has_config(f"Host bastion\n  HostName 127.0.0.1\n  Port {bastion.port}\n")
    transport = await operator.connector(node.port, jump="bastion").connect()

    await transport.close()

    await asyncio.wait_for(bastion.connections[0].wait_closed(), 5)


async def test_losing_the_jump_host_loses_the_link(start_node: StartNode, operator: Operator) -> None:
    bastion, node = await start_node(), await start_node()
    operator.has_key()
    operator.knows(bastion.known_hosts_line, node.known_hosts_line)
    operator.has_config(f"Host bastion\n  HostName 127.0.0.1\n  Port {bastion.port}\n")
    transport = await operator.connector(node.port, jump="bastion").connect()

    bastion.connections[0].abort()

    assert await asyncio.wait_for(transport.wait_closed(), 5) is not None
    await transport.close()


async def test_an_unknown_jump_host_is_told_from_an_unknown_node(
    start_node: StartNode, operator: Operator
) -> None:
    bastion, node = await start_node(), await start_node()
    operator.has_key()
    operator.knows(node.known_hosts_line)
    operator.has_config(f"Host bastion\n  HostName 127.0.0.1\n  Port {bastion.port}\n")

    failure = await failure_of(operator.connector(node.port, jump="bastion"))

    assert isinstance(failure, HostKeyUnknown)
    assert failure.reason.startswith("jump host bastion: ")
    assert "ssh -p" in failure.next_step


async def test_a_node_that_the_jump_host_cannot_reach(start_node: StartNode, operator: Operator) -> None:
    bastion = await start_node()
    operator.has_key()
    operator.knows(bastion.known_hosts_line)
    operator.has_config(f"Host bastion\n  HostName 127.0.0.1\n  Port {bastion.port}\n")

    with closed_port() as port:
        failure = await failure_of(operator.connector(port, jump="bastion"))

    assert isinstance(failure, ConnectRefused)
    await asyncio.wait_for(bastion.connections[0].wait_closed(), 5)


async def test_a_jump_host_that_does_not_forward(start_node: StartNode, operator: Operator) -> None:
    bastion = await start_node(forwarding=False)
    operator.has_key()
    operator.knows(bastion.known_hosts_line)
    operator.has_config(f"Host bastion\n  HostName 127.0.0.1\n  Port {bastion.port}\n")

    failure = await failure_of(operator.connector(22, jump="bastion"))

    assert isinstance(failure, ForwardingForbidden)
    assert "jump host bastion does not allow forwarding" in failure.reason


async def test_jump_hosts_in_a_circle_are_a_configuration_error(operator: Operator) -> None:
    operator.has_config("Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n")

    failure = await failure_of(operator.connector(22, jump="a"))

    assert isinstance(failure, SshConfigInvalid)
    assert "circle" in failure.reason
