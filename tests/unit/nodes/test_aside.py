"""Blocking calls that nobody has to wait for."""

from __future__ import annotations

import asyncio
import threading

import pytest

from iamops.nodes.supervisor import run_in_thread


async def test_a_value_comes_back() -> None:
    assert await run_in_thread(lambda: 20 + 1, "sum") == 21


async def test_a_failure_is_raised_where_it_is_waited_for() -> None:
    with pytest.raises(ZeroDivisionError):
        await run_in_thread(lambda: 1 // 0, "broken")


def test_a_call_that_hangs_holds_up_neither_who_gave_up_nor_the_loop_s_end() -> None:
    released, ended = threading.Event(), threading.Event()

    def hang() -> None:
        released.wait(20)
        ended.set()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await run_in_thread(hang, "hangs")

    asyncio.run(give_up())
    assert not ended.is_set()
    released.set()
    # It tells a loop that is closed by now; a thread that failed would be a warning, and so an error.
    assert ended.wait(5)
