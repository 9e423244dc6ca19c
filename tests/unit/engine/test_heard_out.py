"""An interruption in the middle of a command: it is heard to its end before it is undone."""

from __future__ import annotations

import asyncio

import pytest

from iamops.engine import steps
from iamops.engine.ports import CommandAnswer
from iamops.engine.steps import finished


async def interrupted(command: asyncio.Task[CommandAnswer]) -> None:
    await asyncio.sleep(0)
    command.cancel()
    with pytest.raises(asyncio.CancelledError):
        await command


async def test_a_command_under_way_ends_before_it_is_undone():
    """Files that are being replaced would otherwise be new after they were taken back."""
    replaced = asyncio.Event()

    async def replace() -> CommandAnswer:
        await asyncio.sleep(0.02)
        replaced.set()
        return CommandAnswer(0, "", "")

    await interrupted(asyncio.create_task(finished(replace())))
    assert replaced.is_set()


async def test_what_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(steps, "HEARD_OUT_S", 0.01)
    given_up = asyncio.Event()

    async def hang() -> CommandAnswer:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()
        raise AssertionError

    await interrupted(asyncio.create_task(finished(hang())))
    assert given_up.is_set()


async def test_a_failure_that_comes_while_it_is_waited_for_is_nobodys_any_more():
    async def fail() -> CommandAnswer:
        await asyncio.sleep(0.02)
        raise RuntimeError("the link was lost")

    await interrupted(asyncio.create_task(finished(fail())))
