"""Commands that wait on the operator's machine: forgotten while they wait, left alone once they are at work."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from iamops.engine.ports import OutcomeUnknown
from iamops.session.adapters import LocalCommands

NAME = "power-on@iam-a"


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """A pipe: reading it waits until somebody writes."""
    path = tmp_path / "told"
    os.mkfifo(path)
    return path


@pytest.fixture
def local() -> Iterator[LocalCommands]:
    """Its processes have ended when the test has."""
    made = LocalCommands()
    yield made
    for process in (*made._waiting.values(), *made._at_work):
        process.wait(10)


async def read(pipe: Path) -> str:
    async with asyncio.timeout(20):
        return await asyncio.to_thread(pipe.read_text)


async def test_what_waits_is_forgotten(local: LocalCommands, told: Path, tmp_path: Path):
    done = tmp_path / "done"
    await local.run_later(NAME, ["touch", str(done)], delay_s=0.2)
    assert (await local.cancel_later(NAME)).stdout == ""
    await local.run_later("afterwards", ["sh", "-c", f"echo over > {told}"], delay_s=0.5)
    assert await read(told) == "over\n"
    assert not done.exists()


async def test_what_is_at_work_is_left_to_finish_with_all_that_it_started(local: LocalCommands, told: Path):
    await local.run_later(
        NAME, ["sh", "-c", f"echo begun > {told}; sh -c 'sleep 1; echo done > {told}'"], delay_s=0.0
    )
    assert await read(told) == "begun\n"
    assert "left to finish" in (await local.cancel_later(NAME)).stdout
    assert await read(told) == "done\n"


async def test_a_command_that_takes_too_long_is_unknown_whoever_holds_its_pipes():
    """What it has started would hide its end."""
    async with asyncio.timeout(4):
        with pytest.raises(OutcomeUnknown, match=r"sh took longer than 0\.2 s"):
            await LocalCommands().run_here(("sh", "-c", "sleep 30 & echo begun; wait"), timeout_s=0.2)
