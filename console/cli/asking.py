"""Asks a person for one line, without a thread that would go on waiting for Return."""

from __future__ import annotations

import asyncio
import os
from typing import TextIO


async def typed_line(stream: TextIO) -> str:
    """The next line without its end; empty at the end of the input."""
    loop, descriptor = asyncio.get_running_loop(), stream.fileno()
    answer: asyncio.Future[str] = loop.create_future()
    typed = bytearray()

    def readable() -> None:
        try:
            chunk = os.read(descriptor, 4096)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""  # the terminal has gone: that is no yes
        typed.extend(chunk)
        if (b"\n" in typed or not chunk) and not answer.done():
            answer.set_result(typed.partition(b"\n")[0].decode(errors="replace"))

    try:
        loop.add_reader(descriptor, readable)
    except PermissionError:  # a regular file: it has everything at once
        return stream.readline().rstrip("\n")
    try:
        return await answer
    finally:
        loop.remove_reader(descriptor)
