"""The Triage view: findings with their symptoms, the story of the one under the cursor, the deep look's age."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot

from iamops.judge.findings import Diagnosis
from iamops.judge.runbook.catalogue import CATALOGUE
from iamops.tui.app.app import ConsoleApp
from iamops.tui.logs.screen import LogsScreen
from iamops.tui.overview.cards import NodeCard
from iamops.tui.overview.screen import Overview
from tests.support import scenes
from tests.support.operators import FixedOperator
from tests.support.scenes import FixedCluster
from tests.support.screens import Watched
from tests.support.triage_samples import CHECKED, DARK, FLAPPING, NO_GRANT, SPLIT
from tests.support.triage_view import at_triage, on, troubled

SIZES = [(80, 24), (120, 40)]


def row(seen: Watched, text: str) -> str:
    return next(line for line in seen.lines if text in line)


async def test_a_cause_stands_above_its_symptoms_which_are_indented() -> None:
    async with on(troubled()) as seen:
        await at_triage(seen)
        places = [seen.text.index(text) for text in (SPLIT.title, DARK.title, FLAPPING.title, NO_GRANT.title)]
        assert places == sorted(places)
        assert "└ ✗" in row(seen, DARK.title)
        assert "└" not in row(seen, SPLIT.title)


async def test_what_cannot_be_told_stands_in_the_list_with_its_reason() -> None:
    async with on(troubled()) as seen:
        await at_triage(seen)
        assert "? cannot tell 2 rules: iam-b: no answer on 10.0.4.21:22" in seen.text
        await seen.press("G")
        assert "nginx-hung: whether nginx answers" in seen.text


async def test_the_story_names_evidence_with_age_cause_and_next_step() -> None:
    async with on(troubled()) as seen:
        await at_triage(seen)
        assert "iam-a: has 10.0.4.99 (kernel addresses, 0.4 s ago)" in seen.text
        assert "adverts do not arrive: VRRP is IP protocol 112" in seen.text
        assert SPLIT.next in seen.text


async def test_the_story_goes_on_with_the_runbook() -> None:
    entry = next(iter(CATALOGUE.values()))
    cluster = FixedCluster(scenes.healthy(), findings=(replace(NO_GRANT, code=entry.code),))
    async with on(cluster) as seen:
        await at_triage(seen)
        assert entry.number in seen.text
        assert entry.steps[0][:40] in seen.text


async def test_the_deep_look_is_taken_when_the_view_opens_and_again_with_ctrl_r() -> None:
    cluster = troubled()
    async with on(cluster) as seen:
        assert "examine" not in cluster.calls
        await at_triage(seen)
        assert cluster.calls.count("examine") == 1
        cluster.time += 12
        await seen.pilot.pause(1.1)
        assert "looked 12 s ago" in seen.text
        await seen.press("ctrl+r")
        await seen.pilot.pause(0.2)
        assert cluster.calls.count("examine") == 2
        assert "looked <1 s ago" in seen.text


async def test_a_look_that_fails_is_told_and_hides_no_live_finding() -> None:
    cluster = troubled()
    cluster.deep = RuntimeError("boom\x1b[31m")
    async with on(cluster) as seen:
        await at_triage(seen)
        assert "✗ the deep look failed: boom" in seen.text
        assert "\x1b" not in seen.text
        assert SPLIT.title in seen.text


async def test_what_is_over_leaves_the_list_and_its_symptom_stands_for_itself() -> None:
    cluster = troubled()
    async with on(cluster) as seen:
        await at_triage(seen)
        cluster.found = (NO_GRANT,)
        cluster.time += 5
        await seen.pilot.pause(1.2)
        assert SPLIT.title not in seen.text
        assert "└" not in row(seen, FLAPPING.title)


async def test_health_is_only_said_when_everything_could_be_asked() -> None:
    cluster = FixedCluster(scenes.healthy())
    cluster.deep = Diagnosis((), (), CHECKED)
    async with on(cluster) as seen:
        await at_triage(seen)
        assert "● no findings: 5 rules asked, looked <1 s ago" in seen.text
    cluster = FixedCluster(scenes.healthy())
    cluster.deep = Diagnosis((), (), ())
    async with on(cluster) as seen:
        await at_triage(seen)
        assert "● no findings" not in seen.text
        assert "no rule could be asked, nothing is known to be well" in seen.text


async def test_c_copies_the_next_command(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr(ConsoleApp, "copy_to_clipboard", lambda self, text: copied.append(text))
    async with on(troubled()) as seen:
        await at_triage(seen)
        await seen.press("c")
        assert copied == [SPLIT.next]


async def test_enter_goes_to_the_node_on_the_overview() -> None:
    async with on(troubled()) as seen:
        await at_triage(seen)
        await seen.press("j", "j", "j", "enter")
        await seen.pilot.pause(0.2)
        assert isinstance(seen.app.screen, Overview)
        assert isinstance(seen.app.focused, NodeCard)
        assert seen.app.focused.node == "iam-b"


async def test_enter_on_a_journals_evidence_opens_the_logs_of_that_time() -> None:
    cluster = FixedCluster(scenes.healthy(), findings=(replace(FLAPPING, node="iam-b"),))
    async with on(cluster) as seen:
        await at_triage(seen)
        await seen.press("enter")
        await seen.pilot.pause(0.2)
        assert isinstance(seen.app.screen, LogsScreen)
        assert "/node:iam-b" in seen.text
        assert "following" not in seen.text


async def test_the_filter_keeps_what_contains_it() -> None:
    async with on(troubled()) as seen:
        await at_triage(seen)
        await seen.type("/mariadb")
        await seen.press("enter")
        assert NO_GRANT.title in seen.text
        assert DARK.title not in seen.text


async def test_what_a_node_says_is_shown_harmless() -> None:
    hostile = replace(NO_GRANT, title="x\x1b[31m[bold]y", cause="[link=a]\x07")
    async with on(FixedCluster(scenes.healthy(), findings=(hostile,))) as seen:
        await at_triage(seen)
        assert "[bold]y" in seen.text
        assert "[link=a]" in seen.text
        assert "\x1b" not in seen.text
        assert "\x07" not in seen.text


async def _opened(pilot: Pilot[None]) -> None:
    await pilot.press("6")
    await pilot.pause(0.4)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_triage(snap_compare, size: tuple[int, int]) -> None:
    cluster = troubled("production")
    app = ConsoleApp(cluster, lambda: FixedOperator(cluster))
    assert snap_compare(app, terminal_size=size, run_before=_opened)
