"""Progress and results on streams that nobody reads, and questions on terminals that go away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
from collections.abc import Iterator
from typing import TextIO

import pytest

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
