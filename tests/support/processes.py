"""Waiting for a process that is not our child to be gone."""

from __future__ import annotations

import asyncio
import os


async def gone(pid: int, timeout_s: float = 5.0) -> bool:
    """True once the process has ended; False if it has not within the time."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(handle, ended.set)
    try:
        async with asyncio.timeout(timeout_s):
            await ended.wait()
        return True
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(handle)
        os.close(handle)
