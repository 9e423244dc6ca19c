"""The dialog before an action: the whole plan, what speaks against it, and Cancel with the focus."""

from __future__ import annotations

import html
import random
from dataclasses import replace

import pytest
from textual.events import Key
from textual.widgets import Button, Checkbox, Input

from iamops.model.events import HttpProbed, Target, UnitReported, VrrpReported, VrrpTransition
from iamops.model.facts import ProbeOutcome, ProbeReport, UnitReport, VrrpReport, VrrpState
from iamops.model.observed import Unknown
from iamops.plan.action import Switchover
from iamops.plan.build import plan_for
from iamops.plan.denial import Denial
from iamops.plan.steps import StepKind
from iamops.tui.dialogs.confirm import ConfirmScreen, plan_lines
from iamops.tui.overview.screen import Overview
from iamops.tui.toolkit.text import text_of
from tests.support import cluster_states, scenes
from tests.support.cluster_states import healthy
from tests.support.hostile import poisoned, raw
from tests.support.operators import FixedOperator
from tests.support.scenes import NOW, B, FixedCluster
from tests.support.screens import Watched, agree, armed, console

BAD = ProbeReport(ProbeOutcome.BAD_ANSWER, 3.0, 502, "Bad Gateway")

SIZES = [(80, 24), (120, 40)]


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
        assert seen.operator.runs == []


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
        order = seen.operator.runs[0]
        assert order.action == Switchover()
        assert order.shown == seen.operator.consider(order)[0].fingerprint


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
        assert seen.operator.runs == []


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
        order = seen.operator.runs[0]
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
        read = seen.operator.runs[0].insisted
        assert read is not None
        assert [each.reason.split()[0] for each in read] == domains


async def test_c_copies_the_command_that_does_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async with console(scenes.healthy()) as seen:
        copied: list[str] = []
        monkeypatch.setattr(seen.app, "copy_to_clipboard", copied.append)
        await armed(seen)
        await seen.press("F", "c")
        assert copied == ["iamops --profile lab switchover"]
        assert "copied: iamops --profile lab switchover" in seen.text


async def test_ctrl_c_leaves_a_dialog_and_a_prompt_and_changes_nothing() -> None:
    async with console(scenes.healthy()) as seen:
        await armed(seen)
        await seen.press("F", "tab", "l", "ctrl+c")
        assert "cancelled: nothing was changed" in seen.foot
        await seen.type(":rest")
        await seen.press("ctrl+c")
        assert isinstance(seen.app.screen, Overview)
        assert ":rest" not in seen.foot
        assert seen.operator.runs == []


async def test_a_dialog_waits_for_the_nodes_files_instead_of_changing_under_the_operators_hands():
    state = scenes.healthy()
    unread = {name: replace(node, files=Unknown()) for name, node in state.nodes.items()}
    async with console(replace(state, nodes=unread)) as seen:
        await armed(seen)
        await seen.press("F")
        await seen.pilot.pause(0.2)
        assert "unloaded-changes" not in seen.text
        assert "type lab" in seen.text


MAY = Denial("last-backend", "nothing else serves it", True, "iam-b", ("iam-apiserver",))

FIRM = Denial("stale-evidence", "iam-b was last heard 9 s ago", node="iam-b")


@pytest.mark.parametrize(
    ("denial", "override", "word"),
    [
        (MAY, "last-backend", "OVERRIDDEN"),
        (MAY, "last-backend@iam-b/iam-apiserver", "OVERRIDDEN"),
        (MAY, "last-backend@iam-a/iam-apiserver", "REFUSED"),
        (FIRM, "stale-evidence", "REFUSED"),
    ],
)
def test_a_reason_is_overridden_where_the_engine_would_say_so(denial: Denial, override: str, word: str):
    lines = plan_lines(plan_for(Switchover(), healthy(), cluster_states.NOW), [denial], [override], 200)
    told = ["".join(span.text for span in line) for line in lines]
    assert [text.split()[1] for text in told if denial.code in text] == [word]


def harmless(seen: Watched) -> None:
    assert raw(seen.text) == []
    assert raw(html.unescape(seen.app.export_screenshot())) == []


@pytest.mark.parametrize("seed", range(4))
async def test_the_plan_that_a_person_agrees_to(seed: int, monkeypatch: pytest.MonkeyPatch):
    chance = random.Random(seed)
    kept = frozenset({"name", "node", "unit", "argv", "code", "instance", "action"})
    cluster = scenes.FixedCluster(scenes.healthy())
    operator = FixedOperator(cluster, armed=True)
    plan, denied = operator.consider(operator.order(Switchover()))
    given = poisoned(plan, chance, kept)
    assert raw(" ".join(text_of(line) for line in plan_lines(given, (), (), 80))) != []
    monkeypatch.setattr(operator, "consider", lambda order: (given, denied))
    async with console(cluster.store.state, size=(100, 40), cluster=cluster, operator=operator) as seen:
        await seen.press("F")
        assert isinstance(seen.app.screen, ConfirmScreen)
        for _ in range(5):
            harmless(seen)
            await seen.press("pagedown")


def test_a_step_that_arms_or_disarms_says_so_once():
    plan = plan_for(Switchover(), scenes.healthy(), NOW)
    assert {StepKind.ARM, StepKind.DISARM} <= {each.kind for each in plan.steps}
    text = "\n".join(text_of(line) for line in plan_lines(plan, (), (), 200))
    assert "arm    arm" not in text
    assert "disarm disarm" not in text
    assert "disarm on iam-" in text
