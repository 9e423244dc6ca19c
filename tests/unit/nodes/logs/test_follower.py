"""A lane: the history once, then what is written, over lost links; and where in a log a time is found."""

from __future__ import annotations

import gzip
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from iamops.accesslog.count import Columns, CountQuery, Counts
from iamops.accesslog.format import named_format
from iamops.accesslog.rotation import LogFile, LogPosition
from iamops.nodes.logs import reader as log_reader
from iamops.nodes.logs.follower import NEAR, LogFollower, Progress, position_at
from iamops.nodes.logs.reader import FileReplaced, LogChunk, LogReader, Unreadable, reading
from iamops.nodes.transport import LinkLost
from tests.support.access_lines import RECIPE, line, place_in
from tests.support.local_transport import LocalLines, LocalTransport


@pytest.mark.parametrize("boundary", [0, 1, 4000, 7999, 8000])
async def test_a_time_is_found_without_reading_what_is_older(log: Path, boundary: int):
    log.write_bytes(b"".join(line(7200 if n < boundary else 60, path="/x" * (n % 40)) for n in range(8000)))
    stat = log.stat()
    async with reading(LocalTransport(), str(log), RECIPE) as reader:  # type: ignore[arg-type]
        file = LogFile(stat.st_ino, stat.st_size, int(stat.st_mtime), str(log))
        place = await position_at(reader, file, time.time() - 3600)
    data = log.read_bytes()
    old = sum(len(each) + 1 for each in data.split(b"\n")[:boundary])
    assert place.offset <= old
    assert old - place.offset <= NEAR + 16 * 1024
    assert data[: place.offset].endswith(place.anchor)
    assert place.offset == 0 or data[place.offset - 1 : place.offset] == b"\n"


async def test_lines_that_break_the_order_hide_nothing_from_the_search(log: Path):
    honest = line(1800) * 3000
    for odd in (
        line(200_000),
        line(-200_000),
        line(200_000).replace(b"- - [", b"- x [01/Jan/2020:00:00:00 +0000] y ["),
    ):
        log.write_bytes(honest + odd * 9000 + line(60) * 10)
        assert await place_in(log, time.time() - 3600) == 0


QUERY = CountQuery(named_format("main"), Columns.TIME | Columns.PATHS)

LINE = b'10.0.4.1 - - [24/Nov/2026:17:46:29 +0000] "GET /u/x%dx HTTP/1.1" 200 5 "-" "-" "-"\n'


class World:
    """A log, its writers and its rotation. `truth` is every complete line that was ever written."""

    def __init__(self, directory: Path, seed: int = 0) -> None:
        self.log = directory / "access.log"
        self.rng = random.Random(seed)
        self.truth: Counter[str] = Counter()
        self._number = 0
        self._handle = self.log.open("ab", buffering=0)
        self._half = b""

    def close(self) -> None:
        self._handle.close()

    def write(self, count: int = 1) -> None:
        self.finish()
        lines = []
        for _ in range(count):
            self._number += 1
            lines.append(LINE % self._number)
            self.truth[f"/u/x{self._number}x"] += 1
        self._handle.write(b"".join(lines))

    def write_half(self) -> None:
        """The first part of a line; the next write brings the rest."""
        if not self._half:
            self._number += 1
            line = LINE % self._number
            cut = self.rng.randrange(1, len(line))
            self._handle.write(line[:cut])
            self._half = line[cut:]

    def finish(self) -> None:
        if self._half:
            self._handle.write(self._half)
            self._half = b""
            self.truth[f"/u/x{self._number}x"] += 1

    def shift(self) -> None:
        """access.log.1 becomes .2 and so on; from .2 on they are compressed."""
        for number in range(9, 0, -1):
            for ending in ("", ".gz"):
                old = self.log.with_name(f"access.log.{number}{ending}")
                if old.exists():
                    os.replace(old, self.log.with_name(f"access.log.{number + 1}{ending}"))

    def rename(self, *, late: int = 0) -> None:
        """Rename and create, as logrotate does by default; `late` lines still go to the old file."""
        self.finish()
        self.shift()
        os.replace(self.log, self.log.with_name("access.log.1"))
        self.log.touch()
        self.write(late) if late else None
        self._handle.close()
        self._handle = self.log.open("ab", buffering=0)

    def copytruncate(self) -> None:
        self.finish()
        self.shift()
        self.log.with_name("access.log.1").write_bytes(self.log.read_bytes())
        os.truncate(self.log, 0)

    def compress(self) -> None:
        old = self.log.with_name("access.log.1")
        if old.exists():
            packed = old.with_name("access.log.1.gz")
            packed.write_bytes(gzip.compress(old.read_bytes()))
            os.utime(packed, ns=(old.stat().st_atime_ns, old.stat().st_mtime_ns))
            old.unlink()


class Follower:
    """A follower of the world's log, and everything it has counted."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.counts = Counts()
        self.progress = Progress()
        self.now = 0.0
        self.follower = LogFollower(str(world.log), self.progress, self.counts.add, lambda: self.now)

    @property
    def seen(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for _, _, path, number in self.counts.path_rows():
            found[path] += number
        return found

    def check(self) -> None:
        assert self.seen == self.world.truth
        assert self.counts.total == self.world.truth.total()
        assert (self.counts.unparsed, self.progress.lost) == (0, 0)


@asynccontextmanager
async def connected(world: World) -> AsyncIterator[tuple[LogReader, LocalLines]]:
    async with reading(LocalTransport(), str(world.log), QUERY) as reader:  # type: ignore[arg-type]
        yield reader, reader.lines  # type: ignore[misc]  # LocalLines behind the protocol


@pytest.fixture
def world(tmp_path: Path):
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture(params=["lines", "counts", "halves", "pipe"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether new lines are sent or counted on the node, there in one piece or in two, by an awk that opens the
    file or by one that is fed: nobody may see a difference.
    """
    if request.param != "lines":
        monkeypatch.setattr(log_reader, "RAW_MAX", 0)
    if request.param == "halves":
        monkeypatch.setattr(log_reader, "SPLIT_MIN", 0)
    if request.param == "pipe":
        monkeypatch.setattr(log_reader, "_SCRIPT", log_reader._SCRIPT.replace(" tool=mawk;;", " tool=awk;;"))
    return str(request.param)


async def test_lines_are_counted_as_they_come_and_half_a_line_waits(world: World, way: str):
    follower = Follower(world)
    world.write(3)
    async with connected(world) as (reader, _):
        await follower.follower.begin(reader)
        assert follower.counts.total == 3
        world.write_half()
        await follower.follower.poll(reader)
        assert follower.counts.total == 3
        world.finish()
        await follower.follower.poll(reader)
        await follower.follower.poll(reader)
    follower.check()


@pytest.mark.parametrize("late", [0, 3])
async def test_rename_and_create_loses_nothing_not_even_what_is_written_late(world: World, way: str, late: int):
    follower = Follower(world)
    async with connected(world) as (reader, _):
        await follower.follower.begin(reader)
        world.write(5)
        world.rename(late=late)
        world.write(4)
        await follower.follower.poll(reader)
        await follower.follower.poll(reader)
        follower.check()


async def test_a_copy_and_a_truncated_log_are_told_apart_from_growth(world: World, way: str):
    follower = Follower(world)
    async with connected(world) as (reader, _):
        world.write(2)
        await follower.follower.begin(reader)
        world.write(3)
        world.copytruncate()
        world.write(20)  # longer than before: only what stands before the place gives it away
        await follower.follower.poll(reader)
        follower.check()


async def test_a_log_that_is_copied_and_cut_between_its_listing_and_its_reading_is_counted_whole(
    world: World, way: str, monkeypatch: pytest.MonkeyPatch
):
    """Nothing was read of it yet, so no text before the place could give the truncation away."""
    follower = Follower(world)
    real = LogReader.read
    due = [False]

    async def read(reader: LogReader, place: LogPosition, **how: Any) -> LogChunk | FileReplaced:
        if due[0] and place.name == str(world.log) and not place.offset:
            due[0] = False
            world.copytruncate()
            world.write(2)
        return await real(reader, place, **how)

    monkeypatch.setattr(LogReader, "read", read)
    async with connected(world) as (reader, _):
        world.write(3)
        await follower.follower.begin(reader)
        world.rename()
        world.compress()
        world.write(30)
        due[0] = True
        for _ in range(3):
            await follower.follower.poll(reader)
    assert not due[0]
    follower.check()


async def test_what_was_compressed_while_nobody_looked_is_read_there(world: World, way: str):
    follower = Follower(world)
    async with connected(world) as (reader, _):
        world.write(4)
        await follower.follower.begin(reader)
    world.write(5)
    for _ in range(3):
        world.rename()
        world.compress()
        world.write(6)
    async with connected(world) as (reader, _):
        await follower.follower.poll(reader)
        follower.check()


async def test_a_file_that_is_still_being_compressed_is_not_read_as_it_is(world: World, way: str):
    """gzip writes beside the plain file, and some write to another name first: neither is a log of its own."""
    follower = Follower(world)
    async with connected(world) as (reader, _):
        await follower.follower.begin(reader)
        world.write(30)
        world.rename()
        old = world.log.with_name("access.log.1")
        packed = gzip.compress(old.read_bytes())
        half, other = old.with_name("access.log.1.gz"), old.with_name("access.log.1.gz.tmp")
        half.write_bytes(packed[: len(packed) // 2])
        other.write_bytes(packed)
        await follower.follower.poll(reader)
        world.write(3)
        half.unlink()
        other.rename(half)
        old.unlink()
        await follower.follower.poll(reader)
        world.rename()
        world.write(2)
        await follower.follower.poll(reader)
        follower.check()


async def test_lines_that_are_gone_for_good_are_said_to_be(world: World, way: str):
    follower = Follower(world)
    async with connected(world) as (reader, _):
        world.write(4)
        await follower.follower.begin(reader)
        world.write(2)
        world.rename()
        world.log.with_name("access.log.1").unlink()
        world.write(3)
        await follower.follower.poll(reader)
    assert follower.progress.lost == 1
    assert follower.counts.total == 7


async def test_a_log_that_may_not_be_read_says_so(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        log_reader, "_SCRIPT", log_reader._SCRIPT.replace("[ ! -r", "[ -r").replace('3<"$name"', "3</x")
    )
    async with connected(world) as (reader, _):
        with pytest.raises(Unreadable, match=r"cannot read .*access\.log"):
            await Follower(world).follower.begin(reader)


# The soak does the same on a real node, for a million lines.
@pytest.mark.parametrize("seed", range(5))
async def test_any_mixture_of_writing_rotating_and_losing_the_link(tmp_path: Path, way: str, seed: int):
    world = World(tmp_path, seed)
    follower, rng = Follower(world), world.rng
    try:
        async with connected(world) as (reader, _):
            await follower.follower.begin(reader)
        for _ in range(12):
            async with connected(world) as (reader, lines):
                if rng.random() < 0.4:
                    lines.cut_after = rng.randrange(1, 12)
                try:
                    for _ in range(rng.randrange(1, 4)):
                        _something(world)
                        await follower.follower.poll(reader)
                except LinkLost:
                    continue
        world.finish()
        async with connected(world) as (reader, _):
            await follower.follower.poll(reader)
            await follower.follower.poll(reader)
        follower.check()
    finally:
        world.close()


def _something(world: World) -> None:
    for _ in range(world.rng.randrange(1, 4)):
        match world.rng.randrange(9):
            case 0:
                world.rename()
            case 1:
                world.rename(late=2)
            case 2:
                world.copytruncate()
            case 3:
                world.compress()
            case 4:
                world.write_half()
            case _:
                world.write(world.rng.randrange(1, 9))


async def test_a_log_that_is_truncated_while_it_is_counted_is_counted_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """The copy is made and the log cut when the node's awk has had the first part only."""
    tear = world.log.with_name("tear")
    cut = f'if [ -e "{tear}" ]; then sleep 0.2; rm "{tear}"; cp "$log" "$log.1"; : >"$log"; fi; '
    monkeypatch.setattr(log_reader, "_SCRIPT", log_reader._SCRIPT.replace("tally() { ", f"tally() {{ {cut}"))
    monkeypatch.setattr(log_reader, "RAW_MAX", 0)
    follower = Follower(world)
    async with connected(world) as (reader, _):
        world.write(10)
        await follower.follower.begin(reader)
        world.write(20_000)
        tear.touch()
        await follower.follower.poll(reader)
        world.write(5)
        await follower.follower.poll(reader)
        await follower.follower.poll(reader)
        follower.check()


@pytest.mark.parametrize("way", ["halves"], indirect=True)
@pytest.mark.parametrize("longest", [10, 70_000])
async def test_two_halves_hold_every_line_once(world: World, way: str, longest: int):
    """Where the line halfway is longer than what is looked through, there is one piece only."""
    for number in range(40):
        world.write(number)
        line = LINE % 0
        path = f"/{'x' * longest}"
        os.write(world._handle.fileno(), line.replace(b"/u/x0x", path.encode()))
        world.truth[path[:200]] += 1
    follower = Follower(world)
    async with connected(world) as (reader, _):
        await follower.follower.begin(reader)
    follower.check()


@pytest.mark.parametrize("awry", ['"stop=$(($2 + 90))"', '"stop=$(($2 - 90))"', "stop=1"])
async def test_an_awk_that_does_not_stop_where_it_should_is_fed_instead(
    world: World, monkeypatch: pytest.MonkeyPatch, awry: str
):
    monkeypatch.setattr(log_reader, "RAW_MAX", 0)
    script = log_reader._SCRIPT.replace(
        'tally() { nice "$tool"', f'tally() {{ [ $2 -eq 0 ] || set -- "$1" {awry}; nice "$tool"'
    )
    monkeypatch.setattr(log_reader, "_SCRIPT", script.replace('-v "stop=$2"', '-v "stop=${2#stop=}"'))
    world.write(20)
    follower = Follower(world)
    async with connected(world) as (reader, _):
        await follower.follower.begin(reader)
        world.write(20)
        await follower.follower.poll(reader)
    follower.check()
