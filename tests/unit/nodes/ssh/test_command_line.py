"""Only what a command wrote itself is its output, whatever the login shell says or does around it."""

from __future__ import annotations

import asyncio
import time

import asyncssh
import pytest

from iamops.nodes.ssh.channels import NOISE_LIMIT, ChannelLines
from iamops.nodes.ssh.command_line import Frame
from iamops.nodes.ssh.transport import SshTransport
from iamops.nodes.transport import CommandFailed, CommandTimeout, LinkLost, NothingRan
from tests.support.framed import asked, framed
from tests.support.ssh_node import Operator, SshNode, StartNode

NOISY = {
    "a greeting": "echo Welcome to iam-b; ",
    "a greeting without a line's end": "printf Welcome; ",
    "a greeting on both": "echo Welcome; echo mesg: ttyname failed >&2; ",
    "a shell that prints what it runs": "set -xv; ",
    "one that repeats its command": 'echo "$SHELL runs: $0"; tr "\\0" "\\n" </proc/$$/cmdline; ',
    "stderr on stdout": "exec 2>&1; ",
    "something left behind": "sleep 1.5 & ",
}
SILENT = {
    "nologin": (
        "echo This account is currently not available.; exit 1; ",
        "printed 'This account is currently not",
    ),
    "false": ("exit 1; ", r"the login shell of iam-a ran nothing \(exit 1\)"),
    "a forced command that succeeds": ("echo backup done; exit 0; ", "printed 'backup done' and ran nothing"),
    "a complaint": ("echo no such user >&2; exit 2; ", "printed 'no such user' and ran nothing"),
}


async def linked(node: SshNode, operator: Operator) -> SshTransport:
    operator.has_key()
    operator.knows(node.known_hosts_line)
    return await operator.connector(node.port).connect()


async def test_what_a_shell_says_around_a_command_is_not_its_output(
    start_node: StartNode, operator: Operator
) -> None:
    node = await start_node(forwarding=False)
    transport = await linked(node, operator)
    began = time.monotonic()
    for what, prelude in NOISY.items():
        node.prelude = prelude
        result = await transport.run(["sh", "-c", "cat; echo err >&2; exit 3"], timeout_s=5, stdin=b"in\n")
        expected = b"" if "2>&1" in prelude else b"err\n"
        assert (result.exit_status, result.stdout.removesuffix(b"err\n")) == (3, b"in\n"), what
        assert result.stderr == expected, what
        async with transport.stream(["sh", "-c", "echo one; printf two; exit 4"]) as lines:
            assert [line async for line in lines] == [b"one", b"two"], what
            assert lines.ending is not None
            assert lines.ending.exit_status == 4, what
    assert time.monotonic() - began < 10
    await transport.close()


async def test_a_shell_that_runs_nothing_is_no_answer(start_node: StartNode, operator: Operator) -> None:
    node = await start_node(forwarding=False)
    transport = await linked(node, operator)
    for what, (prelude, words) in SILENT.items():
        node.prelude = prelude
        with pytest.raises(NothingRan, match=words) as failure:
            await transport.run(["nginx", "-t"], timeout_s=5, stdin=b"x" * 100_000)
        assert "ForceCommand" in failure.value.next_step, what
        with pytest.raises(NothingRan, match=words):
            async with transport.stream(["ip", "monitor"], feed=True):
                pytest.fail(what)
        with pytest.raises(NothingRan, match=words):
            await transport.open_tcp("127.0.0.1", 80, timeout_s=5)
    await transport.close()


async def test_a_slow_login_is_told_as_one(start_node: StartNode, operator: Operator) -> None:
    transport = await linked(await start_node(prelude="echo motd; sleep 30; "), operator)
    with pytest.raises(CommandTimeout, match=r"printed 'motd' and ran nothing within 0\.3 s") as failure:
        await transport.run(["true"], timeout_s=0.3)
    assert "bashrc" in failure.value.next_step
    await transport.close()


async def test_a_command_that_is_ended_with_its_shell_has_no_outcome(transport: SshTransport) -> None:
    with pytest.raises(CommandFailed, match="was ended from outside on iam-a"):
        await transport.run(["sh", "-c", "echo half; kill -9 0"], timeout_s=5)


async def test_a_command_that_a_signal_ends_has_no_exit_status(transport: SshTransport) -> None:
    result = await transport.run(["sh", "-c", "echo half; kill -9 $$"], timeout_s=5)
    assert (result.exit_status, result.stdout) == (None, b"half\n")


async def test_an_endless_greeting_fills_nothing(start_node: StartNode, operator: Operator) -> None:
    transport = await linked(await start_node(prelude="yes Welcome; "), operator)
    with pytest.raises(CommandFailed):
        await transport.run(["true"], timeout_s=2)
    opened = asyncio.ensure_future(transport.stream(["true"]).__aenter__())
    await asyncio.sleep(0.3)
    assert not opened.done()
    opened.cancel()
    lines = ChannelLines(lambda error: LinkLost("iam-a", str(error), "none"), ("true",), frame := Frame())
    for chunk in (b"x" * 10 * NOISE_LIMIT, b"the end", frame.begin[:5]):
        lines.data_received(chunk, None)
        assert len(lines.noise) <= NOISE_LIMIT
    lines.data_received(frame.begin[5:] + b"out\n" + frame.end + b"0\n", None)
    lines.connection_lost(None)
    assert [line async for line in lines] == [b"out"]
    await asyncio.gather(opened, return_exceptions=True)
    await transport.close()


def test_a_frame_is_read_whole_or_not_at_all() -> None:
    frame = Frame()
    whole = b"noise" + frame.begin + b"out" + frame.end + b"7\nlate noise"
    read = frame.read(whole, b"x" + frame.begin_errors + b"err" + frame.end + b"7\n")
    assert read is not None
    assert (read.stdout, read.stderr, read.exit_status) == (b"out", b"err", 7)
    for cut in range(whole.index(b"\nlate")):
        assert frame.read(whole[:cut], b"") is None
    odd = frame.begin + frame.end + b"\xff\n"
    assert getattr(frame.read(odd, b""), "exit_status", 0) is None
    assert Frame().mark != Frame().mark


async def test_a_stand_in_can_answer_within_the_frame(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    seen: list[tuple[str, ...]] = []

    async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
        within = framed(process)
        seen.append(asked(process.command or "").argv)
        within.stdout.write(b"active\n")
        within.exit(0)

    node.answer = run
    transport = await linked(node, operator)
    result = await transport.run(["systemctl", "is-active", "nginx"], timeout_s=5)
    async with transport.stream(["ip", "monitor"]) as lines:
        assert [line async for line in lines] == [b"active"]
    assert (result.exit_status, result.stdout) == (0, b"active\n")
    assert seen == [("systemctl", "is-active", "nginx"), ("ip", "monitor")]
    await transport.close()
