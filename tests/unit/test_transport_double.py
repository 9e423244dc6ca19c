"""The scripted transport fails loudly, both ways."""

from __future__ import annotations

import asyncio

import pytest

from iamops.nodes.transport import CommandTimeout, ConnectFailed, LinkLost, Transport
from tests.support.transport import Run, ScriptedTransport, Stream, Tcp

UPTIME = ("uptime",)


async def test_it_answers_as_the_script_says() -> None:
    transport: Transport = ScriptedTransport("iam-a", Run(UPTIME, b"up\n", exit_status=0))

    assert (await transport.run(["uptime"], timeout_s=1)).stdout == b"up\n"
    await transport.close()


async def test_an_unexpected_call_fails_at_once_and_again_at_the_end() -> None:
    transport = ScriptedTransport("iam-a")

    with pytest.raises(AssertionError, match=r"unexpected: run \('reboot',\)"):
        await transport.run(["reboot"], timeout_s=1)
    with pytest.raises(AssertionError, match="reboot"):
        transport.verify()


async def test_a_call_that_never_came_fails_at_the_end() -> None:
    transport = ScriptedTransport("iam-a", Run(UPTIME))

    with pytest.raises(AssertionError, match=r"never called: Run\(argv=\('uptime',\)"):
        await transport.close()


async def test_a_step_is_good_for_one_call() -> None:
    transport = ScriptedTransport("iam-a", Run(UPTIME, b"1"), Run(UPTIME, b"2"))

    found = [(await transport.run(UPTIME, timeout_s=1)).stdout for _ in range(2)]

    assert found == [b"1", b"2"]
    with pytest.raises(AssertionError):
        await transport.run(UPTIME, timeout_s=1)


async def test_a_step_for_always_may_be_called_any_number_of_times() -> None:
    transport = ScriptedTransport("iam-a", Run(UPTIME, always=True), Run(("id",), always=True))

    for _ in range(3):
        await transport.run(UPTIME, timeout_s=1)

    transport.verify()


async def test_order_matters_when_asked_for() -> None:
    script = (Run(("first",)), Run(("second",)))

    with pytest.raises(AssertionError, match="second"):
        await ScriptedTransport("iam-a", *script, in_order=True).run(["second"], timeout_s=1)
    assert (await ScriptedTransport("iam-a", *script).run(["second"], timeout_s=1)).ok


async def test_a_wrong_stdin_is_unexpected() -> None:
    transport = ScriptedTransport("iam-a", Run(("tee",), stdin=b"right"))

    with pytest.raises(AssertionError, match="b'wrong' instead of b'right'"):
        await transport.run(["tee"], timeout_s=1, stdin=b"wrong")


async def test_errors_are_raised_in_place_of_answers() -> None:
    error = CommandTimeout("iam-a", "too slow", "look")
    transport = ScriptedTransport("iam-a", Run(UPTIME, error=error))

    with pytest.raises(CommandTimeout):
        await transport.run(UPTIME, timeout_s=1)
    transport.verify()


async def test_a_stream_speaks_its_lines_and_ends() -> None:
    transport = ScriptedTransport("iam-a", Stream(("tail",), (b"a", b"b"), exit_status=1, stderr=b"why"))

    async with transport.stream(["tail"]) as lines:
        assert [line async for line in lines] == [b"a", b"b"]
        assert lines.ending is not None
        assert (lines.ending.exit_status, lines.ending.stderr) == (1, b"why")
    transport.verify()


async def test_a_stream_that_stays_can_be_fed_and_cut() -> None:
    transport = ScriptedTransport("iam-a", Stream(("tail",), (b"a",), stays=True))

    async with transport.stream(["tail"]) as lines:
        transport.say(["tail"], b"b")
        assert [await anext(lines), await anext(lines)] == [b"a", b"b"]
        transport.drop()
        with pytest.raises(LinkLost):
            await anext(lines)
    assert isinstance(await transport.wait_closed(), LinkLost)


async def test_nothing_works_on_a_dropped_connection() -> None:
    transport = ScriptedTransport("iam-a", Run(UPTIME, always=True))
    transport.drop()

    with pytest.raises(LinkLost):
        await transport.run(UPTIME, timeout_s=1)


async def test_a_tcp_dialogue() -> None:
    transport = ScriptedTransport(
        "iam-a",
        Tcp("127.0.0.1", 6379, greeting=b"hi", replies=(b"+PONG\r\n",)),
        Tcp("127.0.0.1", 80, error=ConnectFailed("iam-a", "refused", "start it", refused=True)),
    )

    stream = await transport.open_tcp("127.0.0.1", 6379, timeout_s=1)
    assert await stream.read(100) == b"hi"
    await stream.write(b"PING\r\n")
    assert (await stream.read(3), await stream.read(100), await stream.read(1)) == (b"+PO", b"NG\r\n", b"")
    assert stream.written == [b"PING\r\n"]
    with pytest.raises(ConnectFailed):
        await transport.open_tcp("127.0.0.1", 80, timeout_s=1)
    transport.verify()


async def test_closing_wakes_whoever_waits_for_the_end() -> None:
    transport = ScriptedTransport("iam-a")
    waiting = asyncio.ensure_future(transport.wait_closed())
    await transport.close()

    assert await waiting is None


async def test_it_keeps_a_record_of_its_calls() -> None:
    transport = ScriptedTransport("iam-a", Run(UPTIME, always=True))
    await transport.run(UPTIME, timeout_s=1)

    assert transport.calls == ["run ('uptime',)"]
