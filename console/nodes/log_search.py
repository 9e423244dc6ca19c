"""Finds the place in a log from which a time on is told, without reading what is older."""

from __future__ import annotations

from console.nodes.log_reader import LogReader
from console.parse.log_counts import values
from console.parse.log_files import ANCHOR_MAX, LogFile, Place, anchor_of
from console.parse.log_format import Field, LogFormat
from console.parse.log_words import NO_TIME, Grain, slot_of, slot_text

# What is left when the search ends is read as a whole.
NEAR = 64 * 1024
LOOK = 16 * 1024


async def place_at(reader: LogReader, file: LogFile, since: float) -> Place:
    """A place behind a complete line; lines before it are older than `since` (node's clock, seconds).

    Lines are taken to be in order, as one nginx writes them. The file's beginning where no time is told.
    """
    form = reader.recipe.form
    begin, end = 0, file.size
    while form.clock is not None and end - begin > NEAR:
        middle = (begin + end) // 2
        start, at = _first_told(form, await reader.peek(file.name, middle, LOOK))
        if at == NO_TIME or middle + start >= end:
            end = middle
        elif at < since:
            begin = middle + start
        else:
            end = middle
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


def _first_told(form: LogFormat, data: bytes) -> tuple[int, int]:
    """(offset of the first complete line that tells a time, that time) in a piece cut out anywhere."""
    position = data.find(b"\n") + 1
    while position:
        after = data.find(b"\n", position) + 1
        if not after:
            break
        at = time_of(form, data[position : after - 1])
        if at != NO_TIME:
            return position, at
        position = after
    return 0, NO_TIME
