"""Running a drill from the console: asking, confirming, watching, undoing, and what is told of the end."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from textual.widgets import Input

from iamops.judge.drill.account import DrillProgress
from iamops.judge.drill.report import ClientView, DrillReport, DrillVerdict
from iamops.judge.run import Phase
from iamops.model.drill import Drill
from iamops.model.events import VrrpTransition
from iamops.model.facts import VrrpState
from iamops.plan.action import DrillAction
from iamops.tui.dialogs.confirm import ConfirmScreen
from iamops.tui.dialogs.run import RunScreen
from iamops.tui.drills.run import drill_lines, drill_summary
from iamops.tui.drills.screen import DrillsScreen
from iamops.tui.toolkit.text import text_of
from tests.support import scenes
from tests.support.decks import FixedDeck, finished, undone
from tests.support.drills_view import SIZES, at_drills, begun, deck, progress
from tests.support.scenes import NOW, B, FixedCluster
from tests.support.screens import console
from tests.unit.judge.drill_samples import LIVE, gap, keepalived_stop, report


@pytest.mark.parametrize("key", ["D", "enter"])
async def test_read_only_runs_no_drill(key: str):
    async with console(scenes.healthy(), deck=deck()) as seen:
        await at_drills(seen)
        await seen.press(key)
        assert "read-only; A arms for ten minutes" in seen.foot
        assert seen.deck.runs == []


async def test_armed_the_view_offers_its_own_key_and_never_more_than_seven():
    async with console(scenes.healthy(), size=(120, 40), deck=deck()) as seen:
        await at_drills(seen)
        await seen.press("A")
        assert " D drill " in seen.lines[-1]
        assert "R restart" not in seen.lines[-1]


async def test_a_guard_crosses_the_key_of_the_drill_under_the_cursor_out():
    async with console(scenes.healthy(), size=(120, 40), deck=deck()) as seen:
        await at_drills(seen)
        await seen.press("A", "j")
        await seen.pilot.pause(1.2)
        assert "✗D drill" in seen.lines[-1]
        assert "needs fencing.power-off" in seen.app.view.context.mode.guards["drill"]


async def test_enter_asks_for_the_drill_under_the_cursor():
    async with console(scenes.healthy(), deck=deck()) as seen:
        await at_drills(seen)
        await seen.press("A", "G", "enter")
        await seen.pilot.pause(0.2)
        assert isinstance(seen.app.screen, ConfirmScreen)
        assert "drill seed" in seen.lines[0]


async def test_a_drill_is_confirmed_with_the_clusters_name_and_its_plan_can_be_read():
    async with console(scenes.healthy(), size=(120, 60), deck=deck()) as seen:
        await at_drills(seen)
        await seen.press("A", "D")
        await seen.pilot.pause(0.2)
        assert isinstance(seen.app.screen, ConfirmScreen)
        assert "VIP 10.0.4.99 moves iam-a -> iam-b" in seen.text
        assert "watch that the VIP stays on iam-b for 3.6 s" in seen.text
        assert "type lab" in seen.text
        await seen.press("enter")
        assert seen.deck.runs == []


async def test_the_command_line_runs_a_drill_by_name_and_c_copies_its_command(monkeypatch):
    async with console(scenes.healthy(), deck=deck()) as seen:
        await at_drills(seen)
        copied: list[str] = []
        monkeypatch.setattr(seen.app, "copy_to_clipboard", copied.append)
        await seen.press("A")
        await seen.type(":drill seed")
        await seen.press("enter")
        await seen.pilot.pause(0.2)
        await seen.press("c")
        assert copied == ["iamops --profile lab drill run seed"]


@pytest.mark.parametrize("size", SIZES)
async def test_a_drill_is_watched_while_it_runs_and_judged_when_it_is_over(size: tuple[int, int]):
    async with console(scenes.healthy(), size=size, deck=deck()) as seen:
        await begun(seen)
        assert isinstance(seen.app.screen, RunScreen)
        assert isinstance(seen.deck.runs[0].action, DrillAction)
        assert "▶ acting" in seen.text
        assert "✗✗✗" in seen.text
        assert "◌ observing" in seen.text
        await seen.press("q")
        await seen.pilot.pause(0.2)
        assert "ACTING 3/" in seen.lines[0]
        seen.deck.go_on.set()
        await seen.pilot.pause(0.3)
        assert "drill keepalived-stop: passed: everything as theory allows" in seen.foot
        await seen.type(":run")
        await seen.press("enter")
        await seen.pilot.pause(0.2)
        assert "● PASSED" in seen.text
        assert "VIP on iam-b" in seen.text
        assert "of 805 ms + 250, slack 225 ms" in seen.text


async def test_a_drill_that_failed_says_which_kind_and_how_much():
    async with console(scenes.healthy(), size=(120, 40), deck=deck()) as seen:
        seen.deck.ending = report(keepalived_stop(gaps=(gap(0.125, 1.25),)))
        seen.deck.go_on.set()
        await begun(seen)
        await seen.pilot.pause(0.2)
        assert "✗ FAIL" in seen.text
        assert "✗ over-budget: client outage after 'stop keepalived on iam-a': 1250 ms" in seen.text


async def test_before_the_first_news_the_panel_says_what_it_waits_for(monkeypatch):
    async def waits(self: FixedDeck, order: object, tell: object) -> None:
        await self.go_on.wait()
        raise OSError("the link is gone")

    monkeypatch.setattr(FixedDeck, "run_drill", waits)
    async with console(scenes.healthy(), deck=deck()) as seen:
        await begun(seen)
        assert "▶ asking the nodes" in seen.text
        seen.deck.go_on.set()
        await seen.pilot.pause(0.3)
        assert "drill keepalived-stop: the link is gone" in seen.text


async def test_an_error_in_mid_drill_stands_over_what_was_told_so_far(monkeypatch):
    async def breaks(self: FixedDeck, order: object, tell: Callable[[DrillProgress], None]) -> None:
        tell(progress(self))
        raise OSError("no space left on device")

    monkeypatch.setattr(FixedDeck, "run_drill", breaks)
    async with console(scenes.healthy(), deck=deck()) as seen:
        await begun(seen)
        assert "no space left on device" in seen.text
        assert "● done" in seen.text


async def test_success_of_the_engine_is_no_verdict_yet():
    made = deck()
    run = finished(progress(made).run)
    lines = drill_lines(replace(progress(made), run=run), NOW, NOW + 7, 75, 21)
    assert text_of(lines[0]) == "▶ judging  7.0 s, undone after 120 s"


async def test_what_is_being_undone_is_seen_while_it_is():
    made = deck()
    run = replace(undone(progress(made).run), outcome=None, phase=Phase.UNDOING)
    text = "\n".join(text_of(line) for line in drill_lines(replace(progress(made), run=run), NOW, NOW + 7, 75, 21))
    assert "▶ undoing" in text
    assert re.search(r"● done +undo +start keepalived on iam-a", text)


@pytest.mark.parametrize("name", ["seed", "keepalived-stop"])
async def test_on_a_small_screen_the_newest_of_the_timeline_is_in_sight_while_it_runs(name: str):
    async with console(scenes.healthy(), deck=deck()) as seen:
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
    async with console(scenes.healthy(), deck=deck()) as seen:
        seen.deck.go_on.set()
        await begun(seen)
        assert "0.104 s" not in seen.text
        await seen.press("pagedown", "pagedown")
        assert "0.104 s  iam-a      console    stop keepalived on iam-a" in seen.text


async def test_the_last_word_is_what_the_drill_returned(monkeypatch):
    async def unkept(self: FixedDeck, order: object, tell: Callable[[DrillProgress], None]) -> DrillReport:
        tell(replace(progress(self), report=report()))
        return report(notes=("the report could not be kept: disk full",))

    monkeypatch.setattr(FixedDeck, "run_drill", unkept)
    async with console(scenes.healthy(), deck=deck()) as seen:
        await begun(seen)
        assert "note: the report could not be kept: disk full" in seen.text


async def test_shares_of_the_backends_and_a_clean_client_are_told():
    client = ClientView(640, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 11.0)
    ending = report(splits={"iam.api.marmotedu.com": {"iam-a": 5, "iam-b": 5}}, client=client)
    made = replace(progress(deck()), report=ending)
    text = "\n".join(text_of(line) for line in drill_lines(made, NOW, NOW, 75, 21))
    assert "iam.api.marmotedu.com: 5 on iam-a, 5 on iam-b" in text
    assert "● none of 640 requests failed" in text


async def test_quitting_in_mid_drill_asks_twice_and_undoes_once():
    async with console(scenes.healthy(), deck=deck()) as seen:
        await begun(seen)
        await seen.press("q", "q", "q")
        assert "press q again to undo it and quit" in seen.foot
        await seen.press("q")
        await seen.pilot.pause(0.3)
        assert seen.deck.undone == seen.deck.runs
    assert seen.app.return_code == 130


async def test_asking_again_to_stop_does_not_cut_the_undoing_short(monkeypatch):
    undoing, heard = asyncio.Event(), []

    async def slow(self: FixedDeck, order: object, tell: object) -> DrillReport:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            try:
                await undoing.wait()
            except asyncio.CancelledError:
                heard.append("again")
                raise
        return report()

    monkeypatch.setattr(FixedDeck, "run_drill", slow)
    async with console(scenes.healthy(), deck=deck()) as seen:
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
    async with console(scenes.healthy(), deck=deck()) as seen:
        await begun(seen)
        await seen.press("x", "x")
        await seen.pilot.pause(0.3)
        assert seen.deck.undone == seen.deck.runs
        assert "restored by: console" in seen.text


async def test_a_guard_is_shown_in_the_dialog():
    cluster = FixedCluster(scenes.healthy())
    cluster.store.apply(VrrpTransition(NOW, B, "VI_1", VrrpState.FAULT))
    async with console(scenes.healthy(), size=(120, 40), cluster=cluster) as seen:
        await at_drills(seen)
        await seen.press("A", "D")
        await seen.pilot.pause(0.2)
        assert "REFUSED standby-fault" in seen.text


async def test_nodes_that_do_not_answer_are_told(monkeypatch):
    async def lost(self: FixedDeck, drill: object) -> None:
        raise OSError("iam-b: connection lost")

    monkeypatch.setattr(FixedDeck, "drill_action", lost)
    async with console(scenes.healthy(), deck=deck()) as seen:
        await at_drills(seen)
        await seen.press("A", "D")
        await seen.pilot.pause(0.2)
        assert "drill keepalived-stop: iam-b: connection lost" in seen.foot
        assert isinstance(seen.app.screen, DrillsScreen)


async def test_a_dialog_that_comes_late_is_not_put_over_another(monkeypatch):
    answered = asyncio.Event()

    async def slow(self: FixedDeck, drill: Drill) -> DrillAction:
        await answered.wait()
        return DrillAction(drill, LIVE)

    monkeypatch.setattr(FixedDeck, "drill_action", slow)
    async with console(scenes.healthy(), size=(120, 40), deck=deck()) as seen:
        await at_drills(seen)
        await seen.press("A", "D")
        assert "asking the nodes what they run with" in seen.foot
        await seen.press("F")
        answered.set()
        await seen.pilot.pause(0.2)
        assert "switchover · Esc cancels" in seen.text
        await seen.press("escape")
        assert isinstance(seen.app.screen, DrillsScreen)


async def test_a_name_that_is_no_drill_is_told(monkeypatch):
    monkeypatch.setattr(FixedDeck, "drills", lambda self: ())
    async with console(scenes.healthy(), deck=deck()) as seen:
        await seen.press("A")
        await seen.type(":drill sead")
        await seen.press("enter")
        assert "no drill named 'sead'" in seen.foot


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

    async def judged(self: FixedDeck, order: object, tell: Callable[[DrillProgress], None]) -> DrillReport:
        told = progress(self)
        tell(told)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        tell(replace(told, run=finished(told.run), report=report(**ending)))
        return report(**ending)

    monkeypatch.setattr(FixedDeck, "run_drill", judged)
    async with console(scenes.healthy(), deck=deck()) as seen:
        await begun(seen)
        seen.app.shutdown.begin()
        await seen.pilot.pause(0.3)
        assert seen.app.last_words.startswith(f"drill keepalived-stop: {word}: ")
    assert seen.app.return_code == code


def test_an_interrupted_drill_that_was_put_back_is_undone_and_not_failed():
    ending = report(**PUT_BACK, sentence="interrupted; now: VIP 10.0.4.99 is on iam-a")
    lines = drill_lines(replace(progress(deck()), report=ending), NOW, NOW, 75, 21)
    assert text_of(lines[0]).startswith("↶ UNDONE")
    assert drill_summary(ending) == "drill keepalived-stop: undone: interrupted; now: VIP 10.0.4.99 is on iam-a"
