"""The drills view: every drill, what it does, and what asks before one is run."""

from __future__ import annotations

import asyncio

import pytest

from iamops.model.drill import EACH, Drill, DrillStep, DrillVerb, FailedRequests, StateOf
from iamops.model.events import VrrpTransition
from iamops.model.facts import VrrpState
from iamops.parse.drill.loader import parse_drill
from iamops.parse.drill.step import parse_bound
from iamops.plan.action import DrillAction
from iamops.tui.dialogs.confirm import ConfirmScreen
from iamops.tui.drills.screen import DrillsScreen, drill_story, expected_words, move_words
from iamops.tui.toolkit.text import text_of
from tests.support import scenes
from tests.support.drill_samples import LIVE
from tests.support.drills_view import SIZES, at_drills, drill_operator
from tests.support.operators import FixedOperator
from tests.support.scenes import NOW, B, FixedCluster
from tests.support.screens import console


@pytest.mark.parametrize("size", SIZES)
async def test_every_drill_with_its_last_verdict_and_what_it_does(size: tuple[int, int]):
    async with console(scenes.healthy(), size=size, operator=drill_operator()) as seen:
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
    async with console(scenes.healthy(), size=(120, 40), operator=drill_operator()) as seen:
        await at_drills(seen)
        assert "within vrrp.skew (805 ms by the profile)" in seen.text
        assert "the standby is BACKUP within 2 s" in seen.text
        assert "then put back:" in seen.text


async def test_without_an_owner_bounds_are_told_as_they_are_written():
    cluster = FixedCluster(scenes.starting())
    async with console(scenes.starting(), size=(120, 40), operator=FixedOperator(cluster)) as seen:
        await at_drills(seen)
        assert "within vrrp.skew" in seen.text
        assert "by the profile" not in seen.text


async def test_nothing_was_run_yet_and_that_is_no_error():
    async with console(scenes.healthy()) as seen:
        await at_drills(seen)
        assert seen.text.count("– never run") == 3
        assert "last:" not in seen.text


async def test_the_filter_leaves_what_matches():
    async with console(scenes.healthy(), operator=drill_operator()) as seen:
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
    async with console(scenes.healthy(), size=(120, 60), operator=drill_operator()) as seen:
        await at_drills(seen)
        await seen.press("question_mark")
        assert "D or Enter runs the one under" in seen.text
        assert "Read on below the list" in seen.text


async def test_malformed_and_hostile_reports_are_harmless():
    made = drill_operator()
    made.earlier = ({}, {"drill": "seed", "verdict": 3, "at": None, "sentence": "\x1b[31m[bold]x"})
    async with console(scenes.healthy(), operator=made) as seen:
        await at_drills(seen)
        await seen.press("G")
        assert "\x1b" not in seen.text
        assert "[bold]x" in seen.text


async def test_a_broken_drill_file_is_told_and_the_view_still_opens():
    made = drill_operator()

    def broken() -> tuple[()]:
        raise ValueError("own.yaml:3: method.0: expected one thing to do")

    made.known_drills = broken
    async with console(scenes.healthy(), operator=made) as seen:
        await at_drills(seen)
        assert "own.yaml:3: method.0" in seen.foot
        await seen.press("escape")
        assert "✗ own.yaml:3: method.0: expected one thing to do" in seen.text
        assert isinstance(seen.app.screen, DrillsScreen)


@pytest.mark.parametrize("key", ["D", "enter"])
async def test_read_only_runs_no_drill(key: str):
    async with console(scenes.healthy(), operator=drill_operator()) as seen:
        await at_drills(seen)
        await seen.press(key)
        assert "read-only; A arms for ten minutes" in seen.foot
        assert seen.operator.runs == []


async def test_armed_the_view_offers_its_own_key_and_never_more_than_seven():
    async with console(scenes.healthy(), size=(120, 40), operator=drill_operator()) as seen:
        await at_drills(seen)
        await seen.press("A")
        assert " D drill " in seen.lines[-1]
        assert "R restart" not in seen.lines[-1]


async def test_a_guard_crosses_the_key_of_the_drill_under_the_cursor_out():
    async with console(scenes.healthy(), size=(120, 40), operator=drill_operator()) as seen:
        await at_drills(seen)
        await seen.press("A", "j")
        await seen.pilot.pause(1.2)
        assert "✗D drill" in seen.lines[-1]
        assert "needs fencing.power-off" in seen.app.view.context.mode.guards["drill"]


async def test_enter_asks_for_the_drill_under_the_cursor():
    async with console(scenes.healthy(), operator=drill_operator()) as seen:
        await at_drills(seen)
        await seen.press("A", "G", "enter")
        await seen.pilot.pause(0.2)
        assert isinstance(seen.app.screen, ConfirmScreen)
        assert "drill seed" in seen.lines[0]


async def test_a_drill_is_confirmed_with_the_clusters_name_and_its_plan_can_be_read():
    async with console(scenes.healthy(), size=(120, 60), operator=drill_operator()) as seen:
        await at_drills(seen)
        await seen.press("A", "D")
        await seen.pilot.pause(0.2)
        assert isinstance(seen.app.screen, ConfirmScreen)
        assert "VIP 10.0.4.99 moves iam-a -> iam-b" in seen.text
        assert "watch that the VIP stays on iam-b for 3.6 s" in seen.text
        assert "type lab" in seen.text
        await seen.press("enter")
        assert seen.operator.runs == []


async def test_the_command_line_runs_a_drill_by_name_and_c_copies_its_command(monkeypatch):
    async with console(scenes.healthy(), operator=drill_operator()) as seen:
        await at_drills(seen)
        copied: list[str] = []
        monkeypatch.setattr(seen.app, "copy_to_clipboard", copied.append)
        await seen.press("A")
        await seen.type(":drill seed")
        await seen.press("enter")
        await seen.pilot.pause(0.2)
        await seen.press("c")
        assert copied == ["iamops --profile lab drill run seed"]


async def test_a_guard_is_shown_in_the_dialog():
    cluster = FixedCluster(scenes.healthy())
    cluster.store.apply(VrrpTransition(NOW, B, "VI_1", VrrpState.FAULT))
    async with console(scenes.healthy(), size=(120, 40), cluster=cluster) as seen:
        await at_drills(seen)
        await seen.press("A", "D")
        await seen.pilot.pause(0.2)
        assert "REFUSED standby-fault" in seen.text


async def test_nodes_that_do_not_answer_are_told(monkeypatch):
    async def lost(self: FixedOperator, drill: object) -> None:
        raise OSError("iam-b: connection lost")

    monkeypatch.setattr(FixedOperator, "drill_action", lost)
    async with console(scenes.healthy(), operator=drill_operator()) as seen:
        await at_drills(seen)
        await seen.press("A", "D")
        await seen.pilot.pause(0.2)
        assert "drill keepalived-stop: iam-b: connection lost" in seen.foot
        assert isinstance(seen.app.screen, DrillsScreen)


async def test_a_dialog_that_comes_late_is_not_put_over_another(monkeypatch):
    answered = asyncio.Event()

    async def slow(self: FixedOperator, drill: Drill) -> DrillAction:
        await answered.wait()
        return DrillAction(drill, LIVE)

    monkeypatch.setattr(FixedOperator, "drill_action", slow)
    async with console(scenes.healthy(), size=(120, 40), operator=drill_operator()) as seen:
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
    monkeypatch.setattr(FixedOperator, "known_drills", lambda self: ())
    async with console(scenes.healthy(), operator=drill_operator()) as seen:
        await seen.press("A")
        await seen.type(":drill sead")
        await seen.press("enter")
        assert "no drill named 'sead'" in seen.foot


WORDS = [
    (DrillStep(DrillVerb.STOP, "nginx"), "stop nginx on the owner"),
    (DrillStep(DrillVerb.RELOAD, "nginx", EACH), "reload nginx on every node"),
    (DrillStep(DrillVerb.RESTART, "nginx", "iam-a"), "restart nginx on iam-a"),
    (DrillStep(DrillVerb.POWER_OFF), "power-off the owner"),
    (DrillStep(DrillVerb.SWITCHOVER), "switchover to the standby"),
    (DrillStep(DrillVerb.REQUESTS, count=10), "10 requests per domain"),
    (DrillStep(DrillVerb.WATCH), "watch"),
]


@pytest.mark.parametrize(("move", "words"), WORDS, ids=lambda each: str(each)[:24])
def test_a_role_has_an_article_and_a_node_a_name(move: DrillStep, words: str) -> None:
    assert move_words(move) == words


def test_expectations_say_what_must_follow() -> None:
    state = StateOf("iam-b", VrrpState.BACKUP, parse_bound("2 s"))
    assert expected_words(state) == "iam-b is BACKUP within 2 s"
    assert expected_words(FailedRequests(0)) == "no request fails"
    assert expected_words(FailedRequests(3)) == "at most 3 requests fail"


def test_a_drill_about_a_node_that_is_not_there_can_still_be_read() -> None:
    text = """
name: own
title: a node of somebody else
method:
  - restart: nginx
    node: iam-z
    expect:
      - {state: iam-z BACKUP, within: check.recover}
      - {vip: iam-z, within: vrrp.skew}
  - reload: nginx
    expect: [{outage: vrrp.max}]
"""
    drill = parse_drill(text, "own.yaml")
    lines = drill_story(drill, (), scenes.healthy(), scenes.NOW, 76)
    assert "iam-z is BACKUP within check.recover" in "\n".join(text_of(line).strip() for line in lines)
