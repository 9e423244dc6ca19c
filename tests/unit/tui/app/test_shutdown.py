"""Leaving the console: asked twice in mid run, and everything is undone first."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from iamops.judge.drill.report import DrillProgress, DrillReport, DrillVerdict
from iamops.judge.run import Outcome, RestoredBy
from tests.support import operators, scenes
from tests.support.drill_samples import report
from tests.support.drills_view import begun, drill_operator, progress
from tests.support.operators import FixedOperator, finished, undone
from tests.support.screens import agree, armed, console


async def test_quitting_in_mid_run_asks_twice_and_undoes_first() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("F")
        await agree(seen)
        await seen.press("q", "q")
        assert "press q again to undo it and quit" in seen.foot
        assert seen.operator.undone == []
        await seen.press("q")
        await seen.pilot.pause(0.3)
        assert seen.operator.undone == seen.operator.runs
    assert seen.app.return_code == 130


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ({"outcome": Outcome.SUCCEEDED, "restored_by": None}, 0),
        ({"outcome": Outcome.FAILED, "interrupted": False}, 1),
        ({"outcome": Outcome.FAILED, "restored_by": RestoredBy.NOBODY}, 1),
        ({"outcome": Outcome.UNKNOWN}, 5),
        ({"outcome": Outcome.FAILED}, 130),
    ],
)
async def test_a_console_that_is_told_to_end_ends_with_the_exit_code_of_its_run(
    monkeypatch: pytest.MonkeyPatch, ending: dict[str, Any], code: int
) -> None:
    monkeypatch.setattr(operators, "undone", lambda report: replace(undone(report), **ending))
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("F")
        await agree(seen)
        seen.app.shutdown.begin()
        await seen.pilot.pause(0.3)
        assert seen.app.last_words.startswith("switchover: ")
    assert seen.app.return_code == code


async def test_quitting_in_mid_drill_asks_twice_and_undoes_once():
    async with console(scenes.healthy(), operator=drill_operator()) as seen:
        await begun(seen)
        await seen.press("q", "q", "q")
        assert "press q again to undo it and quit" in seen.foot
        await seen.press("q")
        await seen.pilot.pause(0.3)
        assert seen.operator.undone == seen.operator.runs
    assert seen.app.return_code == 130


PUT_BACK: dict[str, Any] = {"verdict": DrillVerdict.FAIL, "interrupted": True, "restored_by": "console"}


@pytest.mark.parametrize(
    ("ending", "word", "code"),
    [
        ({}, "passed", 0),
        ({"verdict": DrillVerdict.FAIL}, "failed", 1),
        ({"verdict": DrillVerdict.UNKNOWN}, "unknown", 5),
        (PUT_BACK, "undone", 130),
        ({**PUT_BACK, "stays": True}, "failed", 1),
    ],
)
async def test_a_console_that_is_told_to_end_ends_with_the_verdict_of_its_drill(
    monkeypatch, ending: dict[str, Any], word: str, code: int
):
    """Judged all the same: the run was over when it was told, or it was undone."""

    async def judged(self: FixedOperator, order: object, tell: Callable[[DrillProgress], None]) -> DrillReport:
        told = progress(self)
        tell(told)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        tell(replace(told, run=finished(told.run), report=report(**ending)))
        return report(**ending)

    monkeypatch.setattr(FixedOperator, "run_drill", judged)
    async with console(scenes.healthy(), operator=drill_operator()) as seen:
        await begun(seen)
        seen.app.shutdown.begin()
        await seen.pilot.pause(0.3)
        assert seen.app.last_words.startswith(f"drill keepalived-stop: {word}: ")
    assert seen.app.return_code == code
