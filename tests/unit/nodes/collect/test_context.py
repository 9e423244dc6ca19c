"""A collector's context: whose turn it is among watchers, and a flood that is not listened to."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from iamops.model.events import SourceLost
from iamops.nodes.collect import system, vrrp
from iamops.nodes.collect.context import FLOOD_LINES, READ, TURN_LINES, alarm, holding
from iamops.nodes.transport import CommandResult
from iamops.parse.host import HOLDERS_MAX, TurnFiles, WatchTurn, turn_files, turn_of
from tests.support.answering_node import AnsweringNode, run_until, watch
from tests.support.local_transport import LocalTransport


class Flooding(AnsweringNode):
    """`ip monitor` that names one address after the other, without end."""

    def __init__(self, line: Callable[[int], bytes]) -> None:
        super().__init__({})
        self.line, self.said = line, 0

    @contextlib.asynccontextmanager
    async def stream(self, argv: Sequence[str], *, feed: bool = False) -> AsyncIterator[Flooding]:
        yield self

    def __aiter__(self) -> Flooding:
        return self

    async def __anext__(self) -> bytes:
        self.said += 1
        return self.line(self.said)


@pytest.mark.parametrize("collector", [system.addresses, vrrp.journal])
async def test_a_flood_is_not_listened_to_and_lets_others_have_their_turn(collector):
    node = Flooding(lambda n: f"2: eth0    inet6 fd00::{n:x}/128 scope global eth0".encode())
    seen, events = watch(node)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    await run_until(collector, seen, lambda: any(isinstance(event, SourceLost) for event in events))
    beside.cancel()
    assert node.said == FLOOD_LINES + 1
    assert turns >= FLOOD_LINES // TURN_LINES
    assert f"more than {FLOOD_LINES} lines within 5 s" in events[-1].reason
    assert events[-1].flood


class Here(LocalTransport):
    """Commands end on this machine too."""

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        process = await asyncio.create_subprocess_exec(*argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        out, _ = await process.communicate()
        return CommandResult(tuple(argv), process.returncode, out, b"")


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as entered:
        yield entered


async def watcher(stack: AsyncExitStack, tmp_path: Path) -> TurnFiles:
    # `read` ends with its input, as a watcher does that sshd has seen go.
    argv = holding(("sh", "-c", "read -r _"), turns=str(tmp_path / "turns"), alarms=str(tmp_path / "alarms"))
    lines = await stack.enter_async_context(Here().stream(argv, feed=True))
    place = turn_files((await anext(lines)).decode())
    assert place is not None
    return place


async def read(place: TurnFiles) -> WatchTurn:
    for _ in range(100):  # it says where its lock will be before it has it
        turn = turn_of((await Here().run(READ, timeout_s=5)).text, place)
        if turn is not None:
            return turn
        await asyncio.sleep(0.02)
    raise AssertionError("the lock never came into the table")


async def test_watchers_have_different_ranks_and_who_ends_is_counted_no_more(stack, tmp_path):
    for name in ("turns", "alarms"):
        (tmp_path / name).mkdir()
    async with AsyncExitStack() as others:
        places = [await watcher(stack, tmp_path), await watcher(others, tmp_path), await watcher(others, tmp_path)]
        turns = [await read(place) for place in places]
        turns = [await read(place) for place in places]
        assert sorted(turn.rank for turn in turns) == [0, 1, 2]
        assert {turn.watchers for turn in turns} == {3}
        assert all(turn.alarms == 0 for turn in turns)
    alone = await read(places[0])
    assert (alone.rank, alone.watchers) == (0, 1)


async def test_an_alarm_is_seen_and_does_not_count_as_a_watcher(stack, tmp_path):
    for name in ("turns", "alarms"):
        (tmp_path / name).mkdir()
    place = await watcher(stack, tmp_path)
    await read(place)
    await alarm(Here(), alarms=str(tmp_path / "alarms"), for_s=1)
    for _ in range(100):
        turn = await read(place)
        if turn.alarms:
            break
        await asyncio.sleep(0.02)
    assert (turn.watchers, turn.alarms) == (1, 1)


async def test_without_the_tool_the_command_runs_all_the_same(tmp_path):
    missing = str(tmp_path / "not there")
    async with Here().stream(holding(("echo", "address"), turns=missing, alarms=missing)) as lines:
        assert await anext(lines) == b"address"


def test_what_is_no_lock_table_is_no_turn():
    place = TurnFiles(41, (26, 2), (26, 3))
    line = "1: FLOCK  ADVISORY  READ 41 00:1a:2 0 EOF"
    assert turn_of(f"12.5\n{line}\n", place) == WatchTurn(0, 1, 12.5)
    for text in (
        "",
        "12.5\n",
        line,
        f"nan\n{line}",
        f"1e9\n{line}",
        f"{'9' * 18}\n{line}",
        f"-12.5\n{line}",
        f"12.5\n{line.replace('READ', 'WRITE')}",
        f"12.5\n{line.replace('READ 41', 'READ 40')}",
        f"12.5\n{line.replace('00:1a:2', '00:1b:2')}",
        f"12.5\n{line.replace('41', '9' * 400)}",
        "12.5\n" + "1: -> " + line,
    ):
        assert turn_of(text, place) is None, text


def test_a_crowd_of_locks_that_any_user_may_hold_slows_nobody_down():
    place, line = TurnFiles(4100, (26, 2), (26, 3)), "1: FLOCK  ADVISORY  READ {} 00:1a:2 0 EOF"

    def turn(others: int) -> WatchTurn | None:
        return turn_of("12.5\n" + "\n".join(line.format(pid) for pid in (*range(1, others + 1), 4100)), place)

    few = turn(3)
    assert few is not None
    assert (few.rank, few.watchers) == (3, 4)
    assert turn(HOLDERS_MAX) is None, "then it looks as if alone"


def test_a_place_has_a_process_and_two_files():
    assert turn_files("iamops-turn 41 26:2 26:3") == TurnFiles(41, (26, 2), (26, 3))
    for line in ("", "iamops-turn", "iamops-turn x 26:2 26:3", "iamops-turn 41 26 26:3", "iamops-turn 41 26:2"):
        assert turn_files(line) is None, line
