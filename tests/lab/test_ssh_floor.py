"""The SSH floor against OpenSSH's own sshd: what an in-process server cannot prove."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
import uuid
from collections.abc import AsyncIterator

import pytest

from iamops.model.facts import LinkState
from iamops.nodes.link import NodeLink
from iamops.nodes.ssh.connector import SshConnector
from iamops.nodes.ssh.transport import SshTransport
from iamops.nodes.transport import ConnectFailed
from tests.lab.conftest import LabForTests

FOLLOWER = """
import asyncio, sys
from iamops.nodes.ssh.connector import SshConnector
from iamops.session.profiles import load_profile

async def main():
    profile = load_profile("lab")
    transport = await SshConnector(profile, profile.nodes["iam-b"]).connect()
    async with transport.stream(["sh", "-c", "echo up; tail -F /dev/null | cat; : " + sys.argv[1]]) as lines:
        async for line in lines:
            print(line.decode(), flush=True)

asyncio.run(main())
"""


@contextlib.asynccontextmanager
async def connected(lab: LabForTests, node: str) -> AsyncIterator[SshTransport]:
    transport = await SshConnector(lab.profile, lab.profile.nodes[node]).connect()
    try:
        yield transport
    finally:
        await transport.close()


async def processes_with(lab: LabForTests, mark: str) -> int:
    """How many processes of iam-b carry the mark; the search itself is spelled so that it does not."""
    spelled = f"[{mark[0]}]{mark[1:]}"
    found = await asyncio.to_thread(lab.exec, "iam-b", ["pgrep", "-fc", spelled])
    return int(found.stdout or 0)


async def vanishes(lab: LabForTests, mark: str, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if await processes_with(lab, mark) == 0:
            return True
    return False


async def test_the_console_killed_leaves_no_process_on_the_node(running_lab: LabForTests) -> None:
    mark = f"follower-{uuid.uuid4().hex}"
    console = await asyncio.create_subprocess_exec(sys.executable, "-c", FOLLOWER, mark, stdout=-1)
    assert console.stdout
    assert await asyncio.wait_for(console.stdout.readline(), 10) == b"up\n"
    assert await processes_with(running_lab, mark) > 0

    console.kill()
    await console.wait()

    assert await vanishes(running_lab, mark, within_s=5)


async def test_leaving_a_stream_leaves_no_process_on_the_node(running_lab: LabForTests) -> None:
    mark = f"stream-{uuid.uuid4().hex}"
    async with connected(running_lab, "iam-b") as transport:
        async with transport.stream(["sh", "-c", f"echo up; tail -F /dev/null | cat; : {mark}"]) as lines:
            assert await anext(lines) == b"up"
            assert await processes_with(running_lab, mark) > 0

        assert await vanishes(running_lab, mark, within_s=5)


async def test_sshd_says_refused_in_words_we_understand(running_lab: LabForTests) -> None:
    async with connected(running_lab, "iam-a") as transport:
        with pytest.raises(ConnectFailed) as failure:
            await transport.open_tcp("127.0.0.1", 1, timeout_s=2)

    assert failure.value.refused


async def test_ten_streams_are_more_than_the_floor_ever_asks_of_sshd(running_lab: LabForTests) -> None:
    """MaxSessions is 10: whoever comes late waits for a place instead of being refused."""
    async with connected(running_lab, "iam-b") as transport:
        commands = [transport.run(["sleep", "0.05"], timeout_s=20) for _ in range(30)]

        assert all(result.ok for result in await asyncio.gather(*commands))


async def test_a_frozen_sshd_is_a_down_link_within_ten_seconds_and_comes_back(lab: LabForTests) -> None:
    changes: asyncio.Queue[tuple[LinkState, str | None]] = asyncio.Queue()

    async def idle(_transport: object) -> None:
        await asyncio.Event().wait()

    link = NodeLink(
        "iam-b",
        SshConnector(lab.profile, lab.profile.nodes["iam-b"]),
        idle,
        lambda event: changes.put_nowait((event.link.state, event.link.kind)),
        time.time,
    )
    task = asyncio.create_task(link.run())
    try:
        assert await asyncio.wait_for(changes.get(), 5) == (LinkState.UP, None)
        await asyncio.to_thread(lab.fault, "sshd-hang", "iam-b")
        assert await asyncio.wait_for(changes.get(), 10) == (LinkState.DOWN, "hung")
        await asyncio.to_thread(lab.heal, "sshd-hang", "iam-b")
        while await asyncio.wait_for(changes.get(), 20) != (LinkState.UP, None):
            pass
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_node_that_forbids_forwarding_is_probed_through_bash(lab: LabForTests) -> None:
    sshd_config = "/etc/ssh/sshd_config.d/00-test.conf"
    lab.must("iam-b", ["sh", "-c", f"echo AllowTcpForwarding no > {sshd_config}; systemctl restart ssh"])
    try:
        async with connected(lab, "iam-b") as transport:
            stream = await transport.open_tcp("127.0.0.1", 80, timeout_s=3)
            await stream.write(b"GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n")
            assert (await stream.read(4096)).startswith(b"HTTP/1.1 ")
            stream.close()
            with pytest.raises(ConnectFailed, match="refused"):
                await transport.open_tcp("127.0.0.1", 1, timeout_s=3)
    finally:
        lab.must("iam-b", ["sh", "-c", f"rm {sshd_config}; systemctl restart ssh"])
