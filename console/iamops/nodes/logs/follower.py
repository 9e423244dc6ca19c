"""Follows a log through everything that rotation does to it, so that every line is counted once and none twice."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from iamops.accesslog.awk import NotCounted
from iamops.accesslog.count import Counts, values
from iamops.accesslog.format import LogField, LogFormat
from iamops.accesslog.rotation import ANCHOR_MAX, LogFile, LogPosition, anchor_of, newest_first
from iamops.accesslog.values import NO_TIME, Resolution, slot_of, slot_text
from iamops.nodes.logs.reader import FileReplaced, LogChunk, LogReader
from iamops.nodes.transport import Clock

# The search for a time in a log: what is left when it ends is read in full.
NEAR = 64 * 1024
LOOK = 16 * 1024
# Lines are written when a request is over, by several workers, and a clock may be set: they may be out of order by
# this much.
SLACK_S = 300.0


async def position_at(reader: LogReader, file: LogFile, since: float) -> LogPosition:
    """Behind a complete line; lines before it are older than `since` (node's clock, seconds) and are not read.

    Lines are taken to be in order, as one nginx writes them: one that is older than what stands before it, or
    newer than the file, moves nothing. The file's beginning where no line has a time.
    """
    form = reader.query.log_format
    begin, end = 0, file.size
    # What stands before the search's beginning was written at `oldest` or before.
    oldest = -math.inf
    if form.time_format is not None and end > NEAR:
        oldest = min(_times(form, b"\n" + await reader.peek(file.name, 0, LOOK)), default=(-math.inf, 0))[0]
    while form.time_format is not None and end - begin > NEAR:
        middle = (begin + end) // 2
        found = _times(form, await reader.peek(file.name, middle, LOOK))
        trusted = [(at, where) for at, where in found if oldest - SLACK_S <= at <= file.changed + SLACK_S]
        if not trusted or middle + trusted[0][1] >= end or max(trusted)[0] >= since:
            end = middle
        else:
            begin, oldest = middle + trusted[0][1], max(oldest, trusted[0][0])
    anchor = b""
    if begin:
        anchor = anchor_of(await reader.peek(file.name, max(0, begin - ANCHOR_MAX), min(begin, ANCHOR_MAX)))
    return LogPosition(file.inode, begin, file.name, anchor)


def _times(form: LogFormat, data: bytes) -> list[tuple[float, int]]:
    """(time to ten seconds, offset) of each complete line that has a time, in a piece cut out anywhere."""
    variable, resolution = form.fields[LogField.TIME], Resolution.TEN_SECONDS
    found = []
    offset = data.find(b"\n") + 1
    while offset and (after := data.find(b"\n", offset) + 1):
        line = values(form, data[offset : after - 1].decode("latin-1"), {variable}) or {}
        text = slot_text(line.get(variable, ""), form.time_format, resolution)
        at = slot_of(text, form.time_format, resolution) if text else NO_TIME
        if at != NO_TIME:
            found.append((float(at), offset))
        offset = after
    return found


# How long a file that was rotated away is still read: its writers may not have noticed yet.
TRAIL_S = 15.0
FILES_KEPT = 8
PAST_KEPT = 64


@dataclass(slots=True)
class Progress:
    """Where reading stands, so that another reader can go on: after a lost link, or with another query.

    `positions` are in the files that are still being read, oldest first; the last one is the newest that we know.
    `past` are files known to be no newer than those, whether we read them or not. `grown_at`: inode -> when the
    file last had something new. `lost`: how often lines were gone before we could read them. `begun` is where
    the current file was begun.
    """

    positions: list[LogPosition] = field(default_factory=list)
    past: deque[LogPosition] = field(default_factory=lambda: deque(maxlen=PAST_KEPT))
    grown_at: dict[int, float] = field(default_factory=dict)
    lost: int = 0
    begun: LogPosition | None = None


@dataclass(slots=True)
class LogFollower:
    """Counts what is new at each poll. `count` is given every piece exactly once."""

    log: str
    progress: Progress
    count: Callable[[Counts], None]
    clock: Clock

    async def begin(
        self, reader: LogReader, since: float | None = None, older: Callable[[Counts], None] | None = None
    ) -> None:
        """Counts the log as it is; with `since` (the node's clock) from there on, in older files too.

        `older` is given what those hold. Raises NotCounted when the log is rotated meanwhile: then begin again,
        with another progress.
        """
        files = newest_first(await reader.files(), self.log)
        old = [file for file in files if file.name != self.log and since is not None and file.changed >= since]
        self.progress.past.extend(_done(file) for file in files if file not in old and file.name != self.log)
        count, self.count = self.count, older or self.count
        try:
            for file in reversed(old):
                await self._read_whole(reader, file, since)
            self.count = count
            await self._take_over(reader, files, since)
        except _ListingOutdated:
            raise NotCounted("the log was rotated while it was read") from None
        finally:
            self.count = count

    async def poll(self, reader: LogReader) -> None:
        """Counts everything that was written since the last look. Raises NotCounted, Unreadable, TransportError.

        What was counted before it raised is counted, and where it stopped is known.
        """
        positions = self.progress.positions
        newest = positions[-1] if positions else None
        # Where nothing was read yet, nothing stands before the position that would give a truncation away.
        known = newest is not None and newest.name == self.log and not newest.done and newest.offset > 0
        if not (known and await self._still_there(reader, len(positions) - 1)):
            # If it is rotated once more while we follow, the next look goes on from where we are then.
            with contextlib.suppress(_ListingOutdated):
                await self._follow_rotation(reader)
        await self._trail(reader)

    async def _still_there(self, reader: LogReader, number: int) -> bool:
        """Reads on in one file; False if that may be another one by now."""
        try:
            return await self._grow(reader, number)
        except _ListingOutdated:
            return False

    async def _grow(self, reader: LogReader, number: int, *, sure: bool = False, held: int = 0) -> bool:
        """Reads on in one file; False if other text stands in it. `sure`: also looks where nothing is new.

        Raises _ListingOutdated; also where it is shorter than in the listing (`held` bytes): then it was copied
        and cut short in between, and what it held stands in a file that was not listed.
        """
        while True:
            position = self.progress.positions[number]
            found = await reader.read(position, sure=sure)
            if isinstance(found, FileReplaced):
                if found.inode != position.inode:
                    raise _ListingOutdated
                return False
            if found.size < held:
                raise _ListingOutdated
            if found.position.offset != position.offset:
                self.progress.grown_at[position.inode] = self.clock()
            # From here on the piece is counted, and will not be asked for again.
            self.progress.positions[number] = found.position
            self.count(found.counts)
            if not found.left or found.position.offset == position.offset:
                return True

    async def _follow_rotation(self, reader: LogReader) -> None:
        """Finds the file that we were reading among its siblings, reads it to its end, then whatever is newer."""
        files = newest_first(await reader.files(), self.log)
        if not self.progress.positions:
            await self._take_over(reader, files)
            return
        known = self.progress.positions[-1]
        ours = await self._find(reader, known, files)
        candidates = files if ours is None else files[: files.index(ours)]
        newer = [file for file in candidates if not await self._is_past(reader, file, known)]
        if ours is None:
            self.progress.lost += known.offset > 0 and not known.done
            # Kept in mind until something newer is: the link may be lost before that.
            self.progress.positions[-1] = LogPosition(0, 0, "", changed=known.changed, done=True)
        for file in reversed(newer):
            if file.name != self.log:
                await self._read_whole(reader, file)
        if ours is None or ours.name != self.log:
            await self._take_over(reader, files)

    async def _find(self, reader: LogReader, known: LogPosition, files: tuple[LogFile, ...]) -> LogFile | None:
        """The file with our last line before the position where we stopped, read to its end by now."""
        if known.done:
            return next((file for file in files if file.inode == known.inode), None)
        if not known.offset:
            return None
        # The one with the inode first: it has most likely only been renamed.
        for file in sorted(files, key=lambda file: file.inode != known.inode or file.size < known.offset):
            if (file.packed or file.size >= known.offset) and await self._found(reader, known, file):
                return file
        return None

    async def _found(self, reader: LogReader, known: LogPosition, file: LogFile) -> bool:
        if file.packed:
            counts = await self._unpacked(reader, known, file)
            if counts is not None:
                self.progress.positions[-1] = _done(file)
                self.count(counts)
            return counts is not None
        self.progress.positions[-1] = replace(known, inode=file.inode, name=file.name)
        try:
            if await self._grow(reader, len(self.progress.positions) - 1, sure=True):
                return True
        except BaseException:
            if self.progress.positions[-1].offset == known.offset:
                self.progress.positions[-1] = known
            raise
        self.progress.positions[-1] = known
        return False

    async def _unpacked(self, reader: LogReader, position: LogPosition, file: LogFile) -> Counts | None:
        """What stands behind the position in a compressed file; None for another log's, or if it is broken.

        Raises _ListingOutdated.
        """
        try:
            counts = await reader.packed(replace(position, inode=file.inode, name=file.name))
        except NotCounted:
            return None
        if isinstance(counts, FileReplaced):
            raise _ListingOutdated
        return counts

    async def _read_whole(self, reader: LogReader, file: LogFile, since: float | None = None) -> None:
        """Reads a file from its beginning, or from where `since` is, to its end. Raises _ListingOutdated."""
        position = LogPosition(file.inode, 0, file.name)
        if file.packed:
            counts = await self._unpacked(reader, position, file)
            self.progress.lost += counts is None
            self.progress.positions.append(_done(file))
            self.count(counts or Counts())
            return
        if since is not None:
            position = await position_at(reader, file, since)
        if file.name == self.log:
            self.progress.begun = position
        self.progress.positions.append(position)
        try:
            if await self._grow(reader, len(self.progress.positions) - 1, held=file.size):
                return
        except _ListingOutdated:
            # It is found again under its inode, or where it was compressed to.
            if self.progress.positions[-1].offset == position.offset:
                self.progress.positions.pop()
            raise
        self.progress.positions.pop()
        self.progress.lost += 1

    async def _take_over(self, reader: LogReader, files: tuple[LogFile, ...], since: float | None = None) -> None:
        """Begins with the log's file of the listing; there may briefly be none. Raises _ListingOutdated."""
        current = next((file for file in files if file.name == self.log), None)
        if current is not None:
            await self._read_whole(reader, current, since)

    async def _is_past(self, reader: LogReader, file: LogFile, known: LogPosition) -> bool:
        """Whether a file is no newer than those that we have read, as far as we know. Raises _ListingOutdated."""
        if file.name == self.log or file.changed < known.changed:
            return file.name != self.log
        trailing = self.progress.positions[:-1]
        if any(position.inode == file.inode and not position.offset for position in trailing):
            return True  # what comes into it is read there
        for position in (*self.progress.past, *trailing):
            if position.inode == file.inode and await self._is_same(reader, position, file):
                return True
            # Compressed, it has another inode; what we read of it still stands in it.
            if file.packed and position.anchor and await self._unpacked(reader, position, file) is not None:
                return True
        return False

    async def _is_same(self, reader: LogReader, position: LogPosition, file: LogFile) -> bool:
        """An inode alone says little: the next file may have been given it."""
        if position.done or not position.offset:
            return file.size == position.offset and (file.changed == position.changed or not position.done)
        found = await reader.read(replace(position, name=file.name))
        if isinstance(found, FileReplaced) and found.inode != position.inode:
            raise _ListingOutdated
        return isinstance(found, LogChunk)

    async def _trail(self, reader: LogReader) -> None:
        """Older files, as long as somebody may still write to them."""
        positions = self.progress.positions
        for position in positions[:-1]:
            number = positions.index(position)
            # An inode that came again: that file is gone, and what has its inode now is read as what it is.
            reused = any(other.inode == position.inode for other in positions[number + 1 :])
            if not (position.done or reused or await self._still_there(reader, number)):
                with contextlib.suppress(_ListingOutdated):
                    await self._renamed(reader, number)
                continue
            quiet_s = self.clock() - self.progress.grown_at.setdefault(position.inode, self.clock())
            if position.done or reused or quiet_s > TRAIL_S or len(positions) - number > FILES_KEPT:
                self.progress.past.append(positions.pop(number))
                self.progress.grown_at.pop(position.inode, None)

    async def _renamed(self, reader: LogReader, number: int) -> None:
        """An older file that is not where it was: renamed, packed, or removed. Raises _ListingOutdated."""
        position = self.progress.positions[number]
        files = newest_first(await reader.files(), self.log)
        for file in files:
            if file.inode == position.inode and file.size >= position.offset and file.name != self.log:
                self.progress.positions[number] = replace(position, name=file.name)
                if await self._grow(reader, number):
                    return
        for file in files:
            # Where nothing was read yet, any compressed file would match; it is the one that we do not know.
            if not file.packed or (not position.anchor and await self._is_past(reader, file, position)):
                continue
            counts = await self._unpacked(reader, position, file)
            if counts is not None:
                self.count(counts)
                self.progress.past.append(_done(file))
                break
        self.progress.past.append(self.progress.positions.pop(number))


class _ListingOutdated(Exception):
    """A name is another file's by now: the listing that named it is out of date."""


def _done(file: LogFile) -> LogPosition:
    return LogPosition(file.inode, file.size, file.name, changed=file.changed, done=True)
