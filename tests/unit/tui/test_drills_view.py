"""The Drills view: the list, the story of a drill, and what came of earlier runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.judge.drill.report import TimelineEntry
from iamops.tui.audit import AuditScreen
from iamops.tui.drills.run import drill_lines
from iamops.tui.drills.screen import DrillsScreen
from iamops.tui.overview.screen import Overview
from iamops.tui.toolkit.text import width_of
from tests.support import scenes
from tests.support.decks import FixedDeck
from tests.support.drills_view import SIZES, at_drills, deck, progress
from tests.support.scenes import NOW, FixedCluster
from tests.support.screens import console
from tests.unit.judge.drill_samples import report


@pytest.mark.parametrize("size", SIZES)
async def test_every_drill_with_its_last_verdict_and_what_it_does(size: tuple[int, int]):
    async with console(scenes.healthy(), size=size, deck=deck()) as seen:
        await at_drills(seen)
        assert "▸DRILLS" in seen.text
        assert "● passed" in seen.text
        assert "2/2" in seen.text
        assert "– never run" in seen.text
        assert "stop keepalived on the owner" in seen.text
        assert "the VIP is on the standby within vrrp.skew" in seen.text
        await seen.press("j")
        assert "takes a whole machine away" in seen.text


async def test_a_bound_is_told_with_what_it_comes_to():
    async with console(scenes.healthy(), size=(120, 40), deck=deck()) as seen:
        await at_drills(seen)
        assert "within vrrp.skew (805 ms by the profile)" in seen.text
        assert "the standby is BACKUP within 2 s" in seen.text
        assert "then put back:" in seen.text


async def test_without_an_owner_bounds_are_told_as_they_are_written():
    cluster = FixedCluster(scenes.starting())
    async with console(scenes.starting(), size=(120, 40), deck=FixedDeck(cluster)) as seen:
        await at_drills(seen)
        assert "within vrrp.skew" in seen.text
        assert "by the profile" not in seen.text


async def test_a_story_that_is_too_long_can_be_read_on():
    async with console(scenes.healthy(), deck=deck()) as seen:
        await at_drills(seen)
        await seen.press("G")
        assert " 4 start nginx" not in seen.text
        await seen.press("space", "space", "space")
        assert " 4 start nginx on the standby" in seen.text
        await seen.press("b", "b", "b")
        assert " 1 stop keepalived on the owner" in seen.text
        await seen.press("1", "space")
        assert "nothing here goes on below" in seen.foot


async def test_nothing_was_run_yet_and_that_is_no_error():
    async with console(scenes.healthy()) as seen:
        await at_drills(seen)
        assert seen.text.count("– never run") == 3
        assert "last:" not in seen.text


async def test_the_filter_leaves_what_matches():
    async with console(scenes.healthy(), deck=deck()) as seen:
        await at_drills(seen)
        await seen.type("/power")
        await seen.press("enter")
        assert "power-off" in seen.text
        assert "▸DRILLS /power" in seen.text
        assert "keepalived-stop" not in seen.text
        await seen.press("escape")
        await seen.type("/nosuch")
        await seen.press("enter")
        assert "nothing matches the filter" in seen.text


async def test_help_says_what_the_view_is_for():
    async with console(scenes.healthy(), size=(120, 60), deck=deck()) as seen:
        await at_drills(seen)
        await seen.press("question_mark")
        assert "D or Enter runs the one under" in seen.text
        assert "Read on below the list" in seen.text


async def test_views_stand_beside_each_other_and_never_pile_up():
    async with console(scenes.healthy(), deck=deck()) as seen:
        for key in "474747":
            await seen.press(key)
            view = DrillsScreen if key == "4" else AuditScreen
            await seen.until(lambda view=view: isinstance(seen.app.screen, view))
        assert len(seen.app.screen_stack) == 2
        await seen.press("4")
        await seen.press("4")
        assert "this is the Drills" in seen.foot
        await seen.press("q")
        assert isinstance(seen.app.screen, Overview)


async def test_wide_text_is_cut_by_cells_not_by_characters():
    ending = report(timeline=(TimelineEntry(0.1, "iam-a", "console", "停" * 200),))
    made = replace(progress(deck()), report=ending, timeline=ending.timeline)
    assert all(width_of(line) <= 75 for line in drill_lines(made, NOW, NOW, 75, 21))


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
        await seen.press("escape")
        assert "✗ own.yaml:3: method.0: expected one thing to do" in seen.text
        assert isinstance(seen.app.screen, DrillsScreen)
