"""The way from an event to the terminal, and what is loaded for it."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time

import pytest

from iamops.model.events import AddressChanged
from tests.support import scenes
from tests.support.scenes import NOW, VIP, B
from tests.support.screens import console

ROUNDS = 30


async def test_a_vip_change_is_written_within_50_ms(monkeypatch: pytest.MonkeyPatch) -> None:
    async with console(scenes.healthy()) as seen:
        await seen.pilot.pause(0.2)
        painted = asyncio.Event()
        monkeypatch.setattr(seen.app, "_display", _after(seen.app._display, painted))
        waits_ms: list[float] = []
        for number in range(ROUNDS):
            await asyncio.sleep(0.03)
            painted.clear()
            started = time.perf_counter()
            seen.cluster.store.apply(AddressChanged(NOW + number, B, VIP, present=number % 2 == 0))
            await asyncio.wait_for(painted.wait(), 2)
            waits_ms.append((time.perf_counter() - started) * 1000)
        assert statistics.median(waits_ms) < 50


def _after(display: object, painted: asyncio.Event) -> object:
    def displayed(*args: object, **kwargs: object) -> None:
        display(*args, **kwargs)  # type: ignore[operator]  # a saved method, typed as object
        painted.set()

    return displayed


def test_the_console_loads_neither_plotext_nor_ssh_before_it_needs_them() -> None:
    heavy = ("plotext", "asyncssh", "jinja2")
    code = f"import sys, iamops.tui.app.app; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"
