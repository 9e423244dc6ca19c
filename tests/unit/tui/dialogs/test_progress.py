"""The account of a run as lines: what is too long for the screen goes on below, none of it is cut off."""

from __future__ import annotations

import asyncio

import pytest

from iamops.judge.run import RunReport
from iamops.plan.action import Switchover
from iamops.tui.dialogs.progress import run_lines
from tests.support.pair import Bench


async def interrupted(bench: Bench) -> RunReport:
    """When the VIP has moved already."""

    def after(number: int, argv: object) -> None:
        if number == 6:
            run.cancel()

    bench.hands.after = after
    run = asyncio.ensure_future(bench.engine.run(bench.order(Switchover()), lambda report: None))
    return await run


@pytest.mark.parametrize("width", [76, 112])
async def test_every_line_of_an_interrupted_run_fits_and_what_stays_is_named(width: int):
    bench = Bench()
    report = await interrupted(bench)
    lines = ["".join(span.text for span in line) for line in run_lines(report, bench.eyes.now(), width)]
    assert max(map(len, lines)) <= width
    told = " ".join(" ".join(lines).split())
    assert "✗ FAILED" in told
    assert "not undone: the VIP of VI_1 is on iam-b and was on iam-a" in told
    assert all(note in told for note in report.notes)
    assert report.notes
