"""Long-lived commands: their lines, their end, and that nothing of them stays on the node."""

from __future__ import annotations

import pytest

from iamops.nodes.ssh.channels import INBOX_LIMIT, LINE_LIMIT, ChannelLines
from iamops.nodes.ssh.command_line import Frame
from iamops.nodes.ssh.transport import SshTransport
from iamops.nodes.transport import LinkLost, TransportError
from tests.support.processes import gone
from tests.support.ssh_node import Operator, StartNode


async def test_lines_arrive_while_the_command_runs(transport: SshTransport) -> None:
    async with transport.stream(["sh", "-c", "echo one; echo two; exec sleep 60"]) as lines:
        assert [await anext(lines), await anext(lines)] == [b"one", b"two"]
        assert lines.ending is None


async def test_a_stream_ends_when_its_command_does(transport: SshTransport) -> None:
    async with transport.stream(["sh", "-c", "echo one; printf two; echo why >&2; exit 4"]) as lines:
        assert [line async for line in lines] == [b"one", b"two"]
        assert lines.ending is not None
        assert (lines.ending.exit_status, lines.ending.stderr) == (4, b"why\n")


async def test_a_missing_command_ends_its_stream(transport: SshTransport) -> None:
    async with transport.stream(["no-such-command-here"]) as lines:
        assert [line async for line in lines] == []
        assert lines.ending is not None
        assert lines.ending.exit_status == 127


async def test_arguments_of_a_stream_arrive_unchanged(transport: SshTransport) -> None:
    async with transport.stream(["printf", "%s\n", "it's", "$x", "a  b"]) as lines:
        assert [line async for line in lines] == [b"it's", b"$x", b"a  b"]


async def test_leaving_a_stream_ends_an_idle_command_and_its_children(transport: SshTransport) -> None:
    script = "tail -F /dev/null & echo $!; echo $$; wait"
    async with transport.stream(["sh", "-c", script]) as lines:
        child, parent = int(await anext(lines)), int(await anext(lines))

    assert await gone(child)
    assert await gone(parent)


async def test_a_command_that_ignores_the_signal_is_killed(transport: SshTransport) -> None:
    script = "trap '' TERM; echo $$; while :; do sleep 1; done"
    async with transport.stream(["sh", "-c", script]) as lines:
        stubborn = int(await anext(lines))

    assert await gone(stubborn)


async def test_losing_the_connection_ends_the_command_too(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.has_key()
    operator.knows(node.known_hosts_line)
    transport = await operator.connector(node.port).connect()
    async with transport.stream(["sh", "-c", "echo $$; exec tail -F /dev/null"]) as lines:
        idle = int(await anext(lines))
        node.connections[0].abort()
        with pytest.raises(LinkLost):
            await anext(lines)

    assert await gone(idle)
    await transport.close()


async def test_a_slow_reader_pauses_the_command(transport: SshTransport) -> None:
    async with transport.stream(["sh", "-c", "yes 0123456789 | head -n 2000000"]) as lines:
        assert await anext(lines) == b"0123456789"
        await transport.run(["true"], timeout_s=5)  # others are not held up by it
        assert lines.size <= INBOX_LIMIT + 64 * 1024
        total = 1
        async for _ in lines:
            total += 1

    assert total == 2_000_000


def lines_of(*chunks: bytes) -> ChannelLines:
    """A stream that received these chunks and then lost its connection."""
    lines = ChannelLines(_why_lost, ("test",), frame := Frame())
    lines.data_received(frame.begin, None)
    for chunk in chunks:
        lines.data_received(chunk, None)
    lines.exit_status_received(0)
    lines.connection_lost(None)
    return lines


def _why_lost(error: Exception | None) -> TransportError:
    return LinkLost("iam-a", str(error), "none")


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([b"a\nb\n"], [b"a", b"b"]),
        ([b"a\nb"], [b"a", b"b"]),
        ([b"a", b"b\nc", b"\n"], [b"ab", b"c"]),
        ([b"\n\n"], [b"", b""]),
        ([], []),
        ([b"x" * (LINE_LIMIT + 5) + b"\nnext\n"], [b"x" * LINE_LIMIT, b"next"]),
        ([b"x" * LINE_LIMIT, b"y" * 70_000, b"z\nnext\n"], [b"x" * LINE_LIMIT, b"next"]),
        ([b"x" * LINE_LIMIT, b"\n", b"next\n"], [b"x" * LINE_LIMIT, b"next"]),
    ],
)
async def test_lines_are_put_together_and_cut(chunks: list[bytes], expected: list[bytes]) -> None:
    assert [line async for line in lines_of(*chunks)] == expected


class _Closing:
    """A channel whose far end is over, before anybody was told."""

    def write(self, data: bytes) -> None:
        raise BrokenPipeError("Channel not open for sending")


async def test_writing_to_a_command_that_has_just_ended_is_an_error_of_the_transport() -> None:
    lines = ChannelLines(_why_lost, ("cat",), Frame())
    lines.connection_made(_Closing())
    lines.exit_status_received(1)
    with pytest.raises(TransportError):
        await lines.write(b"x\n")
    assert lines.ending is not None
