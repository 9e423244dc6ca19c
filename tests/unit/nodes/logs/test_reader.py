"""What a node's log reader may say, and for how long: beyond that nothing is kept, and nobody else waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from iamops.accesslog import count
from iamops.accesslog.awk import NotCounted, count_result
from iamops.accesslog.count import FULL, CountQuery, Counts, TooManyNames, add_bounded
from iamops.accesslog.format import named_format
from iamops.accesslog.rotation import LogPosition
from iamops.nodes.logs import reader as log_reader
from iamops.nodes.logs.reader import LogChunk, Unreadable, reading
from iamops.nodes.transport import CommandResult, LinkLost
from tests.support.talking_node import TalkingNode, endless

QUERY = CountQuery(named_format("main"), FULL)

PLACE = LogPosition(1, 0, "/var/log/nginx/access.log")


def answer(*lines: bytes) -> Callable[[bytes], Iterator[bytes]]:
    """Each line with the reader's own token where @ stands."""

    def says(token: bytes) -> Iterator[bytes]:
        yield from (line.replace(b"@", token) for line in (*lines, b"@ end"))

    return says


async def read(node: TalkingNode) -> object:
    made: Any = node
    async with reading(made, PLACE.name, QUERY) as reader:
        return await reader.read(PLACE)


@pytest.mark.parametrize("line", [b"ab", b"x" * 65_536], ids=["short lines", "long lines"])
async def test_an_answer_without_end_is_cut_off_and_its_channel_closed(line: bytes):
    node = TalkingNode(endless(line))
    with pytest.raises(Unreadable, match="more than any count"):
        await read(node)
    assert node.closed
    assert node.heard <= log_reader.ANSWER_LINES + 1
    assert node.heard * len(line) < log_reader.ANSWER_BYTES + 2 * len(line)


async def test_while_one_node_floods_the_others_have_their_turn():
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    node = TalkingNode(endless(b"ab"))
    with pytest.raises(Unreadable):
        await read(node)
    task.cancel()
    assert turns >= node.heard // log_reader.TURN_LINES


async def test_an_answer_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(log_reader, "ANSWER_S", 0.01)
    with pytest.raises(Unreadable, match="did not end its answer"):
        await read(TalkingNode(lambda _: iter(()), hangs=True))


async def test_a_shell_that_ended_is_no_lost_link():
    node = TalkingNode(answer())
    node.ending = CommandResult((), 1, b"", b"sh: out of \x1b[2Jmemory\n")
    with pytest.raises(Unreadable, match=r"the log's reader ended: sh: out of \\x1b\[2Jmemory"):
        await read(node)


async def test_a_lost_link_is():
    class Lost(TalkingNode):
        async def write(self, data: bytes) -> None:
            raise LinkLost(self.node, "closed", "")

    with pytest.raises(LinkLost):
        await read(Lost(answer()))


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (b"rubbish",),
        (b"@ raw x 1 1",),
        (b"@ raw 1 1",),
        ("@ raw 1 ² 1".encode(),),
        (b"@ raw 1 1 " + b"9" * 5000,),
        (b"@ count 1 2 3",),
        (b"@ count 1 99999999 3 99999999 0 1", b"@ counts", b"S\t1\tslot\t2000", b"@ after"),
        (b"@ count 1 99999999 3 99999999 0 1", b"@ counts", b"S\t" + b"9" * 5000 + b"\tslot\t200", b"@ after"),
    ],
)
async def test_an_odd_answer_is_not_counted(lines: tuple[bytes, ...]):
    with pytest.raises(NotCounted):
        await read(TalkingNode(answer(*lines)))


def test_a_status_is_three_digits_in_every_table():
    for row in (b"S\t1\tslot\t20x\t\t\t\t", b"S\t1\tslot", b"P\t1\tslot\t2000\t/"):
        with pytest.raises(NotCounted):
            count_result([row, b"E\t0\t0\t0\t0"])


def test_over_many_pieces_of_a_log_names_stay_bounded_and_no_request_is_lost(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(count, "KEYS_MAX", 1000)
    sums = Counts()
    for piece in range(20):
        more = Counts()
        for number in range(300):
            name = f"{piece}-{number}"
            more.shapes[f"slot\t200\tM{name}\th{name}\t10.0.4.20:8080\t200"] += 1
            more.paths[f"slot\t200\t/{name}"] += 1
            more.clients[f"slot\t{name}"] += 1
        more.paths["slot\t200\t/often"] += 500
        add_bounded(sums, more)
    assert max(len(sums.shapes), len(sums.paths), len(sums.clients)) <= 1000
    assert (sums.shapes.total(), sums.paths.total(), sums.clients.total()) == (6000, 16_000, 6000)
    assert sums.paths["slot\t200\t/often"] == 10_000


def test_a_node_that_tells_of_more_times_than_there_are_is_not_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(count, "KEYS_MAX", 100)
    more = Counts()
    more.shapes.update(f"slot {number}\t200" for number in range(300))
    with pytest.raises(TooManyNames):
        add_bounded(Counts(), more)


async def test_of_lines_that_are_sent_as_they_are_so_many_are_taken_at_once():
    sent = 3 * log_reader.RAW_TAKEN // 1000
    found = await read(TalkingNode(answer(b"@ raw 1 1 1", *[b"x" * 999] * sent)))
    assert isinstance(found, LogChunk)
    assert found.position.offset <= log_reader.RAW_TAKEN
    assert found.counts.unparsed == found.position.offset // 1000


async def test_a_directory_of_too_many_files_is_no_log():
    made: Any = TalkingNode(answer(*(b"%d 1 1 access.log.%d" % (n, n) for n in range(log_reader.FILES_MAX + 1))))
    async with reading(made, PLACE.name, QUERY) as reader:
        with pytest.raises(Unreadable, match="no rotation keeps so many"):
            await reader.files()


async def test_no_more_of_a_file_is_looked_at_than_was_asked_for():
    made: Any = TalkingNode(answer(*[b"x" * 999] * 100))
    async with reading(made, PLACE.name, QUERY) as reader:
        assert len(await reader.peek("access.log", 0, 5000)) == 5000
