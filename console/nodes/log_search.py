"""Finds the place in a log from which a time on is told, without reading what is older."""

from __future__ import annotations

import math

from console.nodes.log_reader import LogReader
from console.parse.log_counts import values
from console.parse.log_files import ANCHOR_MAX, LogFile, Place, anchor_of
from console.parse.log_format import Field, LogFormat
from console.parse.log_words import NO_TIME, Grain, slot_of, slot_text

# What is left when the search ends is read as a whole.
NEAR = 64 * 1024
LOOK = 16 * 1024
# Lines are written when a request is over, by several workers, and a clock may be set: out of order by so much.
SLACK_S = 300.0


async def place_at(reader: LogReader, file: LogFile, since: float) -> Place:
    """A place behind a complete line; lines before it are older than `since` (node's clock, seconds).

    Lines are taken to be in order, as one nginx writes them: one that is older than what stands before it, or
    newer than the file, moves nothing. The file's beginning where no time is told.
    """
    form = reader.recipe.form
    begin, end = 0, file.size
    # What stands before the search's beginning was written at `oldest` or before.
    oldest = -math.inf
    if form.clock is not None and end > NEAR:
        oldest = min(_times(form, b"\n" + await reader.peek(file.name, 0, LOOK)), default=(-math.inf, 0))[0]
    while form.clock is not None and end - begin > NEAR:
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
    return Place(file.inode, begin, file.name, anchor)


def time_of(form: LogFormat, line: bytes) -> int:
    """When a line says it was written, to ten seconds; NO_TIME if it does not."""
    variable = form.fields.get(Field.TIME)
    told = values(form, line.decode("latin-1"), {variable}) if variable else None
    if not told:
        return NO_TIME
    text = slot_text(told.get(variable or "", ""), form.clock, Grain.TEN_SECONDS)
    return slot_of(text, form.clock, Grain.TEN_SECONDS) if text else NO_TIME


def _times(form: LogFormat, data: bytes) -> list[tuple[float, int]]:
    """(time, offset) of each complete line that tells a time, in a piece cut out anywhere."""
    found = []
    position = data.find(b"\n") + 1
    while position and (after := data.find(b"\n", position) + 1):
        at = time_of(form, data[position : after - 1])
        if at != NO_TIME:
            found.append((float(at), position))
        position = after
    return found
