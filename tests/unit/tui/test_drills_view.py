"""The Drills view: the list, what a drill does, running one, and what came of it."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from console.judge.drill_document import drill_document
from console.model.events import VrrpTransition
from console.model.facts import VrrpState
from console.plan.action import DrillAction
from console.tui.screens.confirm import ConfirmScreen
from console.tui.screens.drills import DrillsScreen
from console.tui.screens.overview import Overview
from console.tui.screens.run import RunScreen
from tests.unit.judge.drill_samples import gap, keepalived_stop, report
from tests.unit.tui import scenes
from tests.unit.tui.decks import FixedDeck
from tests.unit.tui.scenes import NOW, B, FixedCluster
from tests.unit.tui.screens import Watched, console

SIZES = [(80, 24), (120, 40)]


def deck(**changes: object) -> FixedDeck:
    made = FixedDeck(FixedCluster(scenes.healthy()))
    made.earlier = (drill_document(report(**changes), 0), drill_document(report(), 0))
    return made


async def at_drills(seen: Watched) -> None:
    await seen.press("4")
    await seen.pilot.pause(0.3)


async def begun(seen: Watched) -> None:
    """Armed, agreed, and on its way."""
    await at_drills(seen)
    await seen.press("A", "D")
    await seen.pilot.pause(0.2)
    seen.app.screen.query_one("#typed", Input).focus()
    await seen.type("lab")
    await seen.press("enter")
    await seen.pilot.pause(0.2)


@pytest.mark.parametrize("size", SIZES)
async def test_every_drill_with_its_last_verdict_and_what_it_does(size: tuple[int, int]):
    async with console(scenes.healthy(), size=size, deck=deck()) as seen:
        await at_drills(seen)
        assert "▸DRILLS" in seen.text
        assert "● pass" in seen.text
        assert "2/2" in seen.text
        assert "– never run" in seen.text
        assert "stop keepalived on the owner" in seen.text
        assert "the VIP is on the standby within vrrp.skew" in seen.text
        await seen.press("j")
        assert "takes a whole machine away" in seen.text


async def test_views_stand_beside_each_other_and_never_pile_up():
    async with console(scenes.healthy(), deck=deck()) as seen:
        for key in "474747":
            await seen.press(key)
            await seen.pilot.pause(0.1)
        assert len(seen.app.screen_stack) == 2
        await seen.press("4")
        await seen.press("4")
        assert "this is the Drills" in seen.foot
        await seen.press("q")
        assert isinstance(seen.app.screen, Overview)


async def test_read_only_runs_no_drill():
    async with console(scenes.healthy(), deck=deck()) as seen:
        await at_drills(seen)
        await seen.press("D")
        assert "read-only; A arms for ten minutes" in seen.foot
        assert seen.deck.runs == []


async def test_armed_the_view_offers_its_own_key_and_never_more_than_seven():
    async with console(scenes.healthy(), size=(120, 40), deck=deck()) as seen:
        await at_drills(seen)
        await seen.press("A")
        assert " D drill " in seen.lines[-1]
        assert "R restart" not in seen.lines[-1]


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
        assert "drill keepalived-stop: pass: everything as theory allows" in seen.foot
        await seen.type(":run")
        await seen.press("enter")
        await seen.pilot.pause(0.2)
        assert "● PASS" in seen.text
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


async def test_malformed_and_hostile_reports_are_harmless():
    made = deck()
    made.earlier = ({}, {"drill": "seed", "verdict": 3, "at": None, "sentence": "\x1b[31m[bold]x"})
    async with console(scenes.healthy(), deck=made) as seen:
        await at_drills(seen)
        await seen.press("G")
        assert "\x1b" not in seen.text
        assert "[bold]x" in seen.text


async def test_a_broken_drill_file_is_told_and_the_view_still_opens():
    made = deck()

    def broken() -> tuple[()]:
        raise ValueError("own.yaml:3: method.0: expected one thing to do")

    made.drills = broken
    async with console(scenes.healthy(), deck=made) as seen:
        await at_drills(seen)
        assert "own.yaml:3: method.0" in seen.foot
        assert isinstance(seen.app.screen, DrillsScreen)
