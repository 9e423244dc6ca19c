"""A peer that stops answering: noticed, named, and told from one that hangs up."""

from __future__ import annotations

import asyncio

import pytest

from iamops.nodes.ssh.connector import SshLimits
from iamops.nodes.transport import CommandTimeout, LinkLost, PeerHung
from tests.support.cable import cable_to
from tests.support.ssh_node import Operator, StartNode, public

WAKEFUL = SshLimits(connect_s=30.0, login_s=30.0, keepalive_s=0.4, keepalive_misses=2)


async def test_a_frozen_peer_is_hung_after_three_keepalives(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.has_key()
    async with cable_to(node.port) as cable:
        operator.knows(f"[127.0.0.1]:{cable.port} {public(node.host_key)}")
        transport = await operator.connector(cable.port, limits=WAKEFUL).connect()
        cable.freeze()

        reason = await asyncio.wait_for(transport.wait_closed(), 5)

        assert isinstance(reason, PeerHung)
        assert reason.kind == "hung"
        with pytest.raises(PeerHung):
            await transport.run(["true"], timeout_s=1)
        await transport.close()


async def test_streams_and_commands_learn_that_the_peer_hangs(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.has_key()
    async with cable_to(node.port) as cable:
        operator.knows(f"[127.0.0.1]:{cable.port} {public(node.host_key)}")
        transport = await operator.connector(cable.port, limits=WAKEFUL).connect()
        async with transport.stream(["sh", "-c", "echo up; exec sleep 60"]) as lines:
            assert await anext(lines) == b"up"
            cable.freeze()
            command = asyncio.ensure_future(transport.run(["true"], timeout_s=10))
            with pytest.raises(PeerHung):
                await anext(lines)
            with pytest.raises(PeerHung):
                await command
        await transport.close()


async def test_a_deadline_passes_while_the_peer_is_frozen(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.has_key()
    async with cable_to(node.port) as cable:
        operator.knows(f"[127.0.0.1]:{cable.port} {public(node.host_key)}")
        transport = await operator.connector(cable.port, limits=SshLimits(keepalive_s=60)).connect()
        await transport.run(["true"], timeout_s=5)
        heard_at = transport.heard_at
        cable.freeze()

        with pytest.raises(CommandTimeout):
            await transport.run(["true"], timeout_s=0.1)

        assert transport.heard_at == heard_at
        await asyncio.wait_for(transport.close(), 5)


async def test_keepalive_answers_count_as_being_heard(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.has_key()
    operator.knows(node.known_hosts_line)
    transport = await operator.connector(node.port, limits=WAKEFUL).connect()
    before = transport.heard_at

    await asyncio.sleep(1.0)  # two keepalive intervals, in which nobody asks anything

    assert transport.heard_at > before
    await transport.close()


async def test_a_cut_cable_is_a_lost_link(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.has_key()
    async with cable_to(node.port) as cable:
        operator.knows(f"[127.0.0.1]:{cable.port} {public(node.host_key)}")
        transport = await operator.connector(cable.port).connect()

        cable.cut()

        assert isinstance(await asyncio.wait_for(transport.wait_closed(), 5), LinkLost)
        await transport.close()
