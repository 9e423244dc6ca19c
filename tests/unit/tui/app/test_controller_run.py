"""The run under way: an error of our own is told."""

from __future__ import annotations

import pytest

from tests.support import scenes
from tests.support.operators import FixedOperator
from tests.support.screens import agree, armed, console


async def test_a_run_that_fails_with_an_error_of_our_own_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: FixedOperator, order: object, tell: object) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(FixedOperator, "run", broken)
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("F")
        await agree(seen)
        await seen.pilot.pause(0.2)
        assert "switchover: no such luck" in seen.text
        await seen.press("escape")
        assert "switchover: no such luck" in seen.foot
