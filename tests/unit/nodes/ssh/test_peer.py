"""The other side of a connection: the keys it was offered, and when it was last heard."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import subprocess
from pathlib import Path

import pytest

from iamops.nodes.ssh.connector import SshLimits
from iamops.nodes.transport import AuthFailed, CommandTimeout, LinkLost, PeerHung
from tests.support.cable import cable_to
from tests.support.connecting import OTHER_KEY, failure_of, works
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


async def test_a_refused_login_says_who_and_which_keys(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.knows(node.known_hosts_line)
    wrong = operator.has_key(OTHER_KEY)
    locked = operator.ssh / "id_rsa"
    locked.write_bytes(OTHER_KEY.export_private_key("pkcs8-pem", passphrase="secret"))

    failure = await failure_of(operator.connector(node.port))

    assert isinstance(failure, AuthFailed)
    assert f"login as iamops was refused; offered {wrong}" in failure.reason
    assert f"{locked} needs its passphrase: ssh-add" in failure.reason
    assert f"ssh -p {node.port} iamops@127.0.0.1" in failure.next_step


async def test_a_long_banner_is_in_nobodys_way(start_node: StartNode, operator: Operator) -> None:
    node = await start_node(banner="Unauthorised use is prosecuted.\n" * 200)
    operator.has_key()
    operator.knows(node.known_hosts_line)
    transport = await operator.connector(node.port).connect()
    assert (await transport.run(["echo", "here"], timeout_s=5)).stdout == b"here\n"
    await transport.close()


async def test_without_any_key_that_is_what_is_said(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.knows(node.known_hosts_line)

    failure = await failure_of(operator.connector(node.port))

    assert isinstance(failure, AuthFailed)
    assert "there was no key to offer" in failure.reason


async def test_a_key_the_profile_names_but_nobody_has(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.knows(node.known_hosts_line)
    operator.has_key()

    failure = await failure_of(operator.connector(node.port, key="/nowhere/id_ed25519"))

    assert isinstance(failure, AuthFailed)
    assert "/nowhere/id_ed25519 does not exist" in failure.reason


async def test_only_the_key_of_the_profile_is_offered(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.knows(node.known_hosts_line)
    operator.has_key()
    wrong = operator.has_key(OTHER_KEY, "other")

    failure = await failure_of(operator.connector(node.port, key=str(wrong)))

    assert f"offered {wrong}" in failure.reason
    assert "id_ed25519" not in failure.reason


@pytest.mark.skipif(not shutil.which("ssh-agent"), reason="needs OpenSSH's agent")
async def test_the_agents_keys_are_offered(start_node: StartNode, operator: Operator, tmp_path: Path) -> None:
    node = await start_node()
    operator.knows(node.known_hosts_line)
    key = operator.has_key()
    key.chmod(0o600)
    agent = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(agent)], stdout=subprocess.PIPE)  # noqa: ASYNC220 - started in no time
    assert process.stdout
    process.stdout.readline()
    try:
        subprocess.run(["ssh-add", "-q", str(key)], env={"SSH_AUTH_SOCK": str(agent)}, check=True)  # noqa: ASYNC221 - nothing else runs yet
        key.unlink()
        await works(operator.connector(node.port, files=dataclasses.replace(operator.files, agent=str(agent))))
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


async def test_a_dead_agent_is_mentioned_and_not_in_the_way(
    start_node: StartNode, operator: Operator, tmp_path: Path
) -> None:
    node = await start_node()
    operator.knows(node.known_hosts_line)
    files = dataclasses.replace(operator.files, agent=str(tmp_path / "no-agent"))

    failure = await failure_of(operator.connector(node.port, files=files))

    assert "the agent does not answer" in failure.reason
