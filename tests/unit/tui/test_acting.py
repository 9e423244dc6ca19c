"""Acting from the console: arming, the dialog before an action, the panel of its run, and leaving."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual.events import Key
from textual.widgets import Button, Checkbox, Input

from iamops.engine.account import OnProgress
from iamops.engine.ports import Order
from iamops.judge.run import Outcome, Phase, RestoredBy, RunReport
from iamops.model.events import HttpProbed, Target, UnitReported, VrrpReported, VrrpTransition
from iamops.model.facts import ProbeOutcome, ProbeReport, UnitReport, VrrpReport, VrrpState
from iamops.model.observed import Unknown
from iamops.plan.action import RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.denial import refused_by
from iamops.plan.step_builders import CONFIG_INVALID
from iamops.tui.dialogs.confirm import ConfirmScreen
from iamops.tui.dialogs.run import RunScreen
from iamops.tui.overview.screen import Overview
from tests.support import decks, scenes
from tests.support.decks import FixedDeck, undone
from tests.support.scenes import NOW, B, FixedCluster
from tests.support.screens import Watched, console

BAD = ProbeReport(ProbeOutcome.BAD_ANSWER, 3.0, 502, "Bad Gateway")
SIZES = [(80, 24), (120, 40)]


async def armed(seen: Watched) -> None:
    await seen.press("A")
    assert "ARMED 10:00" in seen.lines[0]


async def agree(seen: Watched, word: str = "lab") -> None:
    """Types what the dialog asks for, and agrees."""
    seen.app.screen.query_one("#typed", Input).focus()
    await seen.type(word)
    await seen.press("enter")


@pytest.mark.parametrize("keys", [["R"], ["F"], [*":reload nginx iam-a", "enter"]])
async def test_read_only_refuses_and_says_how_to_arm(keys: list[str]) -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press(*({":": "colon", " ": "space", "-": "minus"}.get(key, key) for key in keys))
        assert "read-only; A arms for ten minutes" in seen.foot
        assert isinstance(seen.app.screen, Overview)


async def test_arming_counts_down_and_ends_by_itself() -> None:
    async with console(scenes.healthy()) as seen:
        assert "READ-ONLY" in seen.lines[0]
        await armed(seen)
        seen.cluster.time += 83
        await seen.pilot.pause(1.2)
        assert "ARMED 8:37" in seen.lines[0]
        seen.cluster.time += 600
        await seen.pilot.pause(1.2)
        assert "READ-ONLY" in seen.lines[0]
        assert "read-only again" in seen.foot


async def test_a_second_a_disarms() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("A")
        assert "READ-ONLY" in seen.lines[0]
        assert seen.deck.armed_s == 0


@pytest.mark.parametrize("size", SIZES)
async def test_cancel_has_the_focus_and_the_buttons_are_always_in_sight(size: tuple[int, int]) -> None:
    async with console(scenes.healthy(), size=size) as seen:
        await armed(seen)
        await seen.press("F")
        assert isinstance(seen.app.screen, ConfirmScreen)
        assert seen.app.focused is seen.app.screen.query_one("#cancel", Button)
        assert "Cancel" in seen.text
        assert "Run" in seen.text
        assert "type lab" in seen.text
        await seen.press("enter")
        assert isinstance(seen.app.screen, Overview)
        assert "cancelled: nothing was changed" in seen.foot
        assert seen.deck.runs == []


async def test_the_plan_stands_in_the_dialog_word_for_word() -> None:
    async with console(scenes.healthy(), size=(120, 80)) as seen:
        await armed(seen)
        await seen.press("F")
        assert "VIP 10.0.4.99 moves iam-a -> iam-b, about 0.01 s" in seen.text
        assert "iam-b$ sudo -n /usr/bin/dd of=/run/iamops-priority.VI_1 bs=16 count=1" in seen.text
        assert "iam-a$ sudo -n /usr/bin/systemctl stop keepalived.service" in seen.text


async def test_a_switchover_runs_only_when_the_clusters_name_was_typed() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("F")
        await agree(seen, "lob")
        assert isinstance(seen.app.screen, ConfirmScreen)
        assert seen.app.screen.query_one("#run", Button).disabled
        seen.app.screen.query_one("#typed", Input).value = ""
        await agree(seen)
        order = seen.deck.runs[0]
        assert order.action == Switchover()
        assert order.shown == seen.deck.consider(order)[0].fingerprint


async def test_keys_typed_ahead_of_a_slow_console_go_where_tab_leads() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("F")
        for key in ("tab", "l", "a", "b"):
            seen.app.post_message(Key(key, None if key == "tab" else key))
        await seen.pilot.pause()
        assert seen.app.screen.query_one("#typed", Input).value == "lab"


async def test_what_changes_behind_the_dialog_must_be_read_again() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("F")
        seen.app.screen.query_one("#typed", Input).value = "lab"
        before = seen.app.screen.plan.fingerprint
        seen.cluster.store.apply(VrrpReported(NOW, B, "VI_1", VrrpReport(VrrpState.BACKUP, "json", 50, 40)))
        await seen.pilot.pause(1.3)
        assert seen.app.screen.plan.fingerprint != before
        assert seen.app.screen.query_one("#typed", Input).value == ""
        assert "the state has changed" in seen.text


async def test_a_restart_is_about_what_is_under_the_cursor() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("j", "j", "j", "j", "l", "R")
        assert isinstance(seen.app.screen, ConfirmScreen)
        assert "restart iam-pump on iam-b" in seen.text
        seen.app.screen.query_one("#run", Button).press()
        await seen.pilot.pause()
        assert seen.deck.runs[0].action == ServiceAction(UnitVerb.RESTART, "iam-pump", "iam-b")


async def test_a_restart_on_the_owner_asks_for_its_name() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("R")
        assert "iam-a owns the VIP; type iam-a here:" in seen.text


async def test_a_rolling_restart_from_the_command_line() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.type(":restart iam-pump --rolling")
        await seen.press("enter")
        await agree(seen)
        assert seen.deck.runs[0].action == RollingRestart("iam-pump")


async def test_a_guard_crosses_its_key_out_and_the_dialog_and_help_say_why() -> None:
    cluster = FixedCluster(scenes.healthy())
    cluster.store.apply(VrrpTransition(NOW, B, "VI_1", VrrpState.FAULT))
    async with console(scenes.healthy(), cluster=cluster) as seen:
        await armed(seen)
        await seen.pilot.pause(0.2)
        assert "✗F switchover" in seen.lines[-1]
        await seen.press("F")
        assert "REFUSED standby-fault: iam-b is in FAULT and would not take the VIP" in seen.text
        assert seen.app.screen.query_one("#run", Button).disabled
        await seen.press("escape", "question_mark")
        for _ in range(8):
            await seen.press("pagedown")
        assert seen.deck.runs == []


async def test_an_override_needs_a_reason_and_goes_into_the_order() -> None:
    cluster = FixedCluster(scenes.healthy())
    cluster.store.apply(UnitReported(NOW, B, "nginx", UnitReport("inactive", "dead")))
    async with console(scenes.healthy(), cluster=cluster) as seen:
        await armed(seen)
        await seen.press("F")
        screen = seen.app.screen
        assert "refused: " in seen.text
        for box in screen.query(Checkbox):
            box.value = True
        screen.query_one("#typed", Input).value = "lab"
        await seen.pilot.pause()
        assert screen.obstacle == "an override needs a reason"
        screen.query_one("#reason", Input).value = "nginx comes up in a minute"
        await seen.pilot.pause()
        assert screen.obstacle == ""
        screen.query_one("#run", Button).press()
        await seen.pilot.pause()
        order = seen.deck.runs[0]
        assert set(order.overrides) == {"standby-unhealthy", "check-blind"}
        assert order.reason == "nginx comes up in a minute"


async def test_a_reason_that_comes_after_its_code_was_ticked_clears_the_tick() -> None:
    cluster, domains = FixedCluster(scenes.healthy()), list(scenes.healthy().profile.domains)
    cluster.store.apply(HttpProbed(NOW, B, B, Target.DOMAIN, domains[0], BAD))
    async with console(scenes.healthy(), cluster=cluster) as seen:
        await armed(seen)
        await seen.press("F")
        screen = seen.app.screen
        box = screen.query_one("#override-standby-unhealthy", Checkbox)
        box.value = True
        screen.query_one("#reason", Input).value = "one of them is known"
        screen.query_one("#typed", Input).value = "lab"
        await seen.pilot.pause()
        assert screen.obstacle == ""
        cluster.store.apply(HttpProbed(NOW, B, B, Target.DOMAIN, domains[1], BAD))
        await seen.pilot.pause(1.2)
        assert not box.value
        assert screen.obstacle == "refused: standby-unhealthy"
        box.value = True
        await seen.pilot.pause()
        screen.query_one("#run", Button).press()
        await seen.pilot.pause()
        read = seen.deck.runs[0].insisted
        assert read is not None
        assert [each.reason.split()[0] for each in read] == domains


class RefusedByAStep(FixedDeck):
    """A configuration check of the plan says no."""

    async def run(self, order: Order, tell: OnProgress) -> RunReport:
        self.runs.append(order)
        plan = self.consider(order)[0]
        step = next(each for each in plan.steps if each.refuses == CONFIG_INVALID)
        over = replace(
            decks.half_way(plan, self.cluster.now()),
            phase=Phase.OVER,
            outcome=Outcome.REFUSED,
            denials=(refused_by(plan, step, f"{step.title}: exit code 1"),),
        )
        tell(over)
        return over


async def test_what_a_step_has_refused_may_be_insisted_on_the_next_time_and_need_not_be() -> None:
    deck = RefusedByAStep(FixedCluster(scenes.healthy()))
    async with console(scenes.healthy(), deck=deck) as seen:
        await armed(seen)
        await seen.press("F")
        assert not list(seen.app.screen.query(Checkbox))
        await agree(seen)
        await seen.pilot.pause()
        await seen.press("escape", "F")
        screen = seen.app.screen
        assert isinstance(screen, ConfirmScreen)
        (box,) = screen.query(Checkbox)
        assert "refused the last time: config-invalid: " in seen.text
        screen.query_one("#typed", Input).value = "lab"
        await seen.pilot.pause()
        assert screen.obstacle == "", "it may be mended"
        box.value = True
        screen.query_one("#reason", Input).value = "keepalived takes it"
        await seen.pilot.pause()
        screen.query_one("#run", Button).press()
        await seen.pilot.pause()
        assert deck.runs[-1].overrides == ("config-invalid@iam-a/keepalived",)


async def test_c_copies_the_command_that_does_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async with console(scenes.healthy()) as seen:
        copied: list[str] = []
        monkeypatch.setattr(seen.app, "copy_to_clipboard", copied.append)
        await armed(seen)
        await seen.press("F", "c")
        assert copied == ["iamops --profile lab switchover"]
        assert "copied: iamops --profile lab switchover" in seen.text


async def test_the_panel_shows_the_steps_and_can_be_left_running() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("F")
        await agree(seen)
        assert isinstance(seen.app.screen, RunScreen)
        await seen.pilot.pause(0.2)
        assert "● done" in seen.text
        assert "◌ observing" in seen.text
        await seen.press("q")
        assert isinstance(seen.app.screen, Overview)
        await seen.pilot.pause(0.2)
        assert "ACTING 3/9" in seen.lines[0]
        await seen.press("R")
        assert "switchover is under way" in seen.foot
        seen.deck.go_on.set()
        await seen.pilot.pause(0.2)
        assert "switchover: succeeded: VIP 10.0.4.99 is on iam-b" in seen.foot
        assert "ACTING" not in seen.lines[0]
        await seen.type(":run")
        await seen.press("enter")
        assert "● SUCCEEDED" in seen.text
        assert "gap 10 ms" in seen.text


async def shown(seen: Watched, text: str, *, there: bool = True) -> None:
    """Wait until the screen has (or no longer has) a text; a loaded machine draws late."""
    for _ in range(100):
        if (text in seen.text) is there:
            return
        await seen.pilot.pause(0.05)
    assert (text in seen.text) is there


async def test_x_twice_undoes_and_any_other_key_goes_on() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("F")
        await agree(seen)
        await seen.press("x")
        await shown(seen, "x again: undo and stop")
        await seen.press("j")
        await shown(seen, "x again", there=False)
        await seen.press("x", "x")
        await shown(seen, "↶ UNDONE")
        assert seen.deck.undone == seen.deck.runs
        assert "restored by: console" in seen.text
        assert "waiting" not in seen.text
        assert "not done" in seen.text


async def test_ctrl_c_in_the_panel_undoes_at_once() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("F")
        await agree(seen)
        await seen.press("ctrl+c")
        await seen.pilot.pause(0.2)
        assert seen.deck.undone == seen.deck.runs
        await seen.press("ctrl+c")
        assert isinstance(seen.app.screen, Overview)


async def test_ctrl_c_leaves_a_dialog_and_a_prompt_and_changes_nothing() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("F", "tab", "l", "ctrl+c")
        assert "cancelled: nothing was changed" in seen.foot
        await seen.type(":rest")
        await seen.press("ctrl+c")
        assert isinstance(seen.app.screen, Overview)
        assert ":rest" not in seen.foot
        assert seen.deck.runs == []


async def test_quitting_in_mid_run_asks_twice_and_undoes_first() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("F")
        await agree(seen)
        await seen.press("q", "q")
        assert "press q again to undo it and quit" in seen.foot
        assert seen.deck.undone == []
        await seen.press("q")
        await seen.pilot.pause(0.3)
        assert seen.deck.undone == seen.deck.runs
    assert seen.app.return_code == 130


async def test_a_run_that_fails_with_an_error_of_our_own_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: FixedDeck, order: object, tell: object) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(FixedDeck, "run", broken)
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("F")
        await agree(seen)
        await seen.pilot.pause(0.2)
        assert "switchover: no such luck" in seen.text
        await seen.press("escape")
        assert "switchover: no such luck" in seen.foot


async def test_what_is_already_so_needs_no_dialog() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.type(":start nginx iam-a")
        await seen.press("enter")
        assert isinstance(seen.app.screen, Overview)
        assert "nothing to do" in seen.foot


async def test_nothing_is_run_while_the_picture_is_held() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("p", "F")
        assert "the screen is paused" in seen.foot


async def test_an_edited_profile_is_said_once_and_its_return_too() -> None:
    deck = FixedDeck(FixedCluster(scenes.healthy()))
    async with console(scenes.healthy(), deck=deck) as seen:
        deck.edited = "mine.yaml was edited on disk"
        await seen.pilot.pause(1.2)
        assert "mine.yaml was edited on disk: open the console again to use it" in seen.foot
        assert seen.text.count("mine.yaml was edited") == 2, "in the foot, and once in the events"
        deck.edited = ""
        await seen.pilot.pause(1.2)
        assert "the profile on disk is the one in use" in seen.foot


async def test_a_dialog_waits_for_the_nodes_files_instead_of_changing_under_the_operators_hands():
    state = scenes.healthy()
    unread = {name: replace(node, files=Unknown()) for name, node in state.nodes.items()}
    async with console(replace(state, nodes=unread)) as seen:
        await armed(seen)
        await seen.press("F")
        await seen.pilot.pause(0.2)
        assert "unloaded-changes" not in seen.text
        assert "type lab" in seen.text


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
    monkeypatch.setattr(decks, "undone", lambda report: replace(undone(report), **ending))
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("F")
        await agree(seen)
        seen.app.shutdown.begin()
        await seen.pilot.pause(0.3)
        assert seen.app.last_words.startswith("switchover: ")
    assert seen.app.return_code == code
