"""A drill that runs and what came of it, in the panel and as lines."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.widgets import Input

from iamops.judge.drill.report import ClientView, DrillProgress, DrillReport, DrillVerdict, TimelineEntry
from iamops.judge.run import Phase
from iamops.model.outage import ProbeResult, ProbeSample, Samples
from iamops.plan.action import DrillAction
from iamops.tui.dialogs.run import RunScreen
from iamops.tui.drills.run import drill_lines, drill_summary, latency_lines
from iamops.tui.toolkit.text import Tone, text_of, width_of
from tests.support import scenes
from tests.support.drill_samples import gap, keepalived_stop, report
from tests.support.drills_view import SIZES, at_drills, begun, drill_operator, progress
from tests.support.operators import FixedOperator, finished, undone
from tests.support.scenes import NOW
from tests.support.screens import console


@pytest.mark.parametrize("size", SIZES)
async def test_a_drill_is_watched_while_it_runs_and_judged_when_it_is_over(size: tuple[int, int]):
    async with console(scenes.healthy(), size=size, operator=drill_operator()) as seen:
        await begun(seen)
        assert isinstance(seen.app.screen, RunScreen)
        assert isinstance(seen.operator.runs[0].action, DrillAction)
        assert "▶ acting" in seen.text
        assert "✗✗✗" in seen.text
        assert "◌ observing" in seen.text
        await seen.press("q")
        await seen.pilot.pause(0.2)
        assert "ACTING 3/" in seen.lines[0]
        seen.operator.go_on.set()
        await seen.pilot.pause(0.3)
        assert "drill keepalived-stop: passed: everything as theory allows" in seen.foot
        await seen.type(":run")
        await seen.press("enter")
        await seen.pilot.pause(0.2)
        assert "● PASSED" in seen.text
        assert "VIP on iam-b" in seen.text
        assert "of 805 ms + 250, slack 225 ms" in seen.text


async def test_a_drill_that_failed_says_which_kind_and_how_much():
    async with console(scenes.healthy(), size=(120, 40), operator=drill_operator()) as seen:
        seen.operator.ending = report(keepalived_stop(gaps=(gap(0.125, 1.25),)))
        seen.operator.go_on.set()
        await begun(seen)
        await seen.pilot.pause(0.2)
        assert "✗ FAIL" in seen.text
        assert "✗ over-budget: client outage after 'stop keepalived on iam-a': 1250 ms" in seen.text


async def test_before_the_first_news_the_panel_says_what_it_waits_for(monkeypatch):
    async def waits(self: FixedOperator, order: object, tell: object) -> None:
        await self.go_on.wait()
        raise OSError("the link is gone")

    monkeypatch.setattr(FixedOperator, "run_drill", waits)
    async with console(scenes.healthy(), operator=drill_operator()) as seen:
        await begun(seen)
        assert "▶ asking the nodes" in seen.text
        seen.operator.go_on.set()
        await seen.pilot.pause(0.3)
        assert "drill keepalived-stop: the link is gone" in seen.text


async def test_an_error_in_mid_drill_stands_over_what_was_told_so_far(monkeypatch):
    async def breaks(self: FixedOperator, order: object, tell: Callable[[DrillProgress], None]) -> None:
        tell(progress(self))
        raise OSError("no space left on device")

    monkeypatch.setattr(FixedOperator, "run_drill", breaks)
    async with console(scenes.healthy(), operator=drill_operator()) as seen:
        await begun(seen)
        assert "no space left on device" in seen.text
        assert "● done" in seen.text


async def test_success_of_the_engine_is_no_verdict_yet():
    made = drill_operator()
    run = finished(progress(made).run)
    lines = drill_lines(replace(progress(made), run=run), NOW, NOW + 7, 75, 21)
    assert text_of(lines[0]) == "▶ judging  7.0 s, undone after 120 s"


async def test_what_is_being_undone_is_seen_while_it_is():
    made = drill_operator()
    run = replace(undone(progress(made).run), outcome=None, phase=Phase.UNDOING)
    text = "\n".join(text_of(line) for line in drill_lines(replace(progress(made), run=run), NOW, NOW + 7, 75, 21))
    assert "▶ undoing" in text
    assert re.search(r"● done +undo +start keepalived on iam-a", text)


@pytest.mark.parametrize("name", ["seed", "keepalived-stop"])
async def test_on_a_small_screen_the_newest_of_the_timeline_is_in_sight_while_it_runs(name: str):
    async with console(scenes.healthy(), operator=drill_operator()) as seen:
        await at_drills(seen)
        await seen.press("A")
        await seen.type(f":drill {name}")
        await seen.press("enter")
        await seen.pilot.pause(0.2)
        seen.app.screen.query_one("#typed", Input).focus()
        await seen.type("lab")
        await seen.press("enter")
        await seen.pilot.pause(0.2)
        assert "1.513 s  iam-a      keepalived entered BACKUP" in seen.text
        assert "✗ failed" in seen.text


async def test_a_result_can_be_read_to_its_end_with_the_keys():
    async with console(scenes.healthy(), operator=drill_operator()) as seen:
        seen.operator.go_on.set()
        await begun(seen)
        assert "0.104 s" not in seen.text
        await seen.press("pagedown", "pagedown")
        assert "0.104 s  iam-a      console    stop keepalived on iam-a" in seen.text


async def test_the_last_word_is_what_the_drill_returned(monkeypatch):
    async def unkept(self: FixedOperator, order: object, tell: Callable[[DrillProgress], None]) -> DrillReport:
        tell(replace(progress(self), report=report()))
        return report(notes=("the report could not be kept: disk full",))

    monkeypatch.setattr(FixedOperator, "run_drill", unkept)
    async with console(scenes.healthy(), operator=drill_operator()) as seen:
        await begun(seen)
        assert "note: the report could not be kept: disk full" in seen.text


async def test_shares_of_the_backends_and_a_clean_client_are_told():
    client = ClientView(640, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 11.0)
    ending = report(splits={"iam.api.marmotedu.com": {"iam-a": 5, "iam-b": 5}}, client=client)
    made = replace(progress(drill_operator()), report=ending)
    text = "\n".join(text_of(line) for line in drill_lines(made, NOW, NOW, 75, 21))
    assert "iam.api.marmotedu.com: 5 on iam-a, 5 on iam-b" in text
    assert "● none of 640 requests failed" in text


async def test_asking_again_to_stop_does_not_cut_the_undoing_short(monkeypatch):
    undoing, heard = asyncio.Event(), []

    async def slow(self: FixedOperator, order: object, tell: object) -> DrillReport:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            try:
                await undoing.wait()
            except asyncio.CancelledError:
                heard.append("again")
                raise
        return report()

    monkeypatch.setattr(FixedOperator, "run_drill", slow)
    async with console(scenes.healthy(), operator=drill_operator()) as seen:
        await begun(seen)
        await seen.press("x", "x")
        assert "undoing…" in seen.text
        await seen.press("x", "x", "q")
        await seen.type(":run")
        await seen.press("enter")
        assert "undoing…" in seen.text
        undoing.set()
        await seen.pilot.pause(0.3)
        assert heard == []


async def test_x_twice_undoes_a_drill():
    async with console(scenes.healthy(), operator=drill_operator()) as seen:
        await begun(seen)
        await seen.press("x", "x")
        await seen.pilot.pause(0.3)
        assert seen.operator.undone == seen.operator.runs
        assert "restored by: console" in seen.text


PUT_BACK: dict[str, Any] = {"verdict": DrillVerdict.FAIL, "interrupted": True, "restored_by": "console"}


def test_an_interrupted_drill_that_was_put_back_is_undone_and_not_failed():
    ending = report(**PUT_BACK, sentence="interrupted; now: VIP 10.0.4.99 is on iam-a")
    lines = drill_lines(replace(progress(drill_operator()), report=ending), NOW, NOW, 75, 21)
    assert text_of(lines[0]).startswith("↶ UNDONE")
    assert drill_summary(ending) == "drill keepalived-stop: undone: interrupted; now: VIP 10.0.4.99 is on iam-a"


async def test_wide_text_is_cut_by_cells_not_by_characters():
    ending = report(timeline=(TimelineEntry(0.1, "iam-a", "console", "停" * 200),))
    made = replace(progress(drill_operator()), report=ending, timeline=ending.timeline)
    assert all(width_of(line) <= 75 for line in drill_lines(made, NOW, NOW, 75, 21))


def _samples(*fates: ProbeResult) -> Samples:
    """One every 100 ms, on a clock that is 1000 s behind."""
    row = (
        ProbeSample(0.1 * n + 0.05, fate, 2.0 if fate is ProbeResult.GOOD else None)
        for n, fate in enumerate(fates)
    )
    return Samples(tuple(row), ahead_s=1000.0)


def test_a_failed_request_is_a_cross_in_its_own_tone_and_place() -> None:
    bars, _ = latency_lines(
        _samples(*[ProbeResult.GOOD] * 10, *[ProbeResult.DARK] * 5, *[ProbeResult.GOOD] * 5), 1000.0, 1002.0, 20, 1
    )
    assert text_of(bars) == "█" * 10 + "✗" * 5 + "█" * 5
    assert [span.tone for span in bars] == [Tone.GRAPH, Tone.DOWN, Tone.GRAPH]


def test_one_failure_among_many_answers_is_not_averaged_away() -> None:
    bars, _ = latency_lines(
        _samples(*[ProbeResult.GOOD] * 199, ProbeResult.REFUSED, *[ProbeResult.GOOD] * 200), 1000.0, 1040.0, 40, 1
    )
    assert text_of(bars).count("✗") == 1


def test_time_in_which_nobody_asked_stays_empty() -> None:
    bars, scale = latency_lines(_samples(*[ProbeResult.GOOD] * 10), 999.0, 1002.0, 30, 1)
    assert text_of(bars) == " " * 10 + "█" * 10 + " " * 10
    assert text_of(scale).endswith("3.0 s")


def test_tall_bars_grow_from_below() -> None:
    samples = Samples(
        (
            ProbeSample(0.0, ProbeResult.GOOD, 10.0),
            ProbeSample(0.5, ProbeResult.GOOD, 2.5),
            ProbeSample(0.95, ProbeResult.DARK),
        )
    )
    rows = [text_of(line) for line in latency_lines(samples, 0.0, 1.0, 20, 4)[:-1]]
    assert [row[0] for row in rows] == ["█", "█", "█", "█"]
    assert [row[10] for row in rows] == [" ", " ", " ", "█"]
    assert [row[19] for row in rows] == ["✗", "✗", "✗", "✗"]


def test_no_samples_no_bars() -> None:
    assert latency_lines(Samples(), 0.0, 1.0, 20, 5) == ()
