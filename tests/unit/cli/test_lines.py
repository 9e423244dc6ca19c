"""Progress and results on streams that nobody reads, and questions on terminals that go away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import select
from collections.abc import Iterator
from typing import TextIO

import pytest

from iamops.cli.acting import typed_line
from iamops.cli.lines import PROGRESS_MAX, LineWriter


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        yield reader, stream


async def all_of(reader: int, said: LineWriter) -> bytes:
    """Reads what waits until nothing does any more."""
    os.set_blocking(reader, False)
    taken, read = asyncio.create_task(said.drained()), b""
    while not taken.done() or select.select([reader], [], [], 0)[0]:
        with contextlib.suppress(BlockingIOError):
            read += os.read(reader, 1 << 20)
        await asyncio.sleep(0.001)
    return read


async def test_progress_that_nobody_reads_is_left_out_and_counted(pipe):
    reader, stream = pipe
    said = LineWriter(stream)
    for number in range(20_000):
        said.write(f"[{number}] a step of an action that nobody watches\n")
    first = await all_of(reader, said)
    said.write("and the last one\n")
    rest = await all_of(reader, said)
    assert first.startswith(b"[0] a step")
    assert len(first) < 4 * PROGRESS_MAX
    said_lines = (first + rest).decode().splitlines()
    notes = [line for line in said_lines if line.endswith("lines were left out)")]
    assert said_lines[-1] == "and the last one"
    assert notes
    assert len(said_lines) - len(notes) + sum(int(note.strip("(").split()[0]) for note in notes) == 20_001


async def test_a_result_is_whole_however_late_it_is_read(pipe):
    reader, stream = pipe
    result = "\n".join(str(number) for number in range(200_000))
    said = LineWriter(stream)
    said.put(result)
    assert (await all_of(reader, said)).decode() == result


async def test_a_reader_that_has_gone_is_no_error(pipe):
    reader, stream = pipe
    os.close(reader)
    said = LineWriter(stream)
    said.put("for nobody\n")
    await said.drained(5)
    said.write("for nobody either\n")


async def test_a_line_is_read_from_a_terminal():
    master, slave = pty.openpty()
    with os.fdopen(slave) as stream:
        asked = asyncio.create_task(typed_line(stream))
        await asyncio.sleep(0)
        os.write(master, b"lab\n")
        assert await asyncio.wait_for(asked, 5) == "lab"


async def test_a_question_that_is_given_up_leaves_nothing_behind():
    """A thread in readline() would keep the whole process until somebody presses Return."""
    master, slave = pty.openpty()
    with os.fdopen(slave) as stream:
        asked = asyncio.create_task(typed_line(stream))
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert not asyncio.get_running_loop().remove_reader(slave)
    os.close(master)


async def test_a_terminal_that_goes_away_says_no():
    master, slave = pty.openpty()
    with os.fdopen(slave) as stream:
        asked = asyncio.create_task(typed_line(stream))
        await asyncio.sleep(0)
        os.close(master)
        assert await asyncio.wait_for(asked, 5) == ""


async def test_a_file_is_a_terminal_that_has_everything_already(tmp_path):
    (tmp_path / "answer").write_text("yes\nmore\n")
    with open(tmp_path / "answer") as stream:  # noqa: ASYNC230 - a test's own few bytes
        assert await typed_line(stream) == "yes"
