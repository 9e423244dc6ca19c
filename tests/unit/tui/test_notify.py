"""Calls for attention as the console shows and sends them, on every view."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual import events
from textual.pilot import Pilot

from iamops.model.events import AddressChanged, HostReported
from iamops.model.facts import HostReport
from iamops.tui.app.app import ConsoleApp
from iamops.tui.toolkit.themes import remembered
from tests.support import scenes
from tests.support.decks import FixedDeck
from tests.support.scenes import NOW, SPLIT, VIP, A, B, FixedCluster
from tests.support.screens import Watched, console


async def moved_in(seen: Watched) -> list[str]:
    """The VIP moves while the console runs; what the terminal was told."""
    told: list[str] = []
    seen.app.notify_terminal = told.append  # type: ignore[method-assign]
    seen.cluster.store.apply(AddressChanged(NOW, A, VIP, present=False))
    seen.cluster.store.apply(AddressChanged(NOW, B, VIP, present=True))
    await seen.pilot.pause()
    await seen.pilot.pause(0.05)
    return told


VIEWS = {
    "2": "Traffic",
    "3": "Logs",
    "4": "Drills",
    "5": "Config",
    "6": "Triage",
    "7": "Audit",
    "1": "Overview",
}
BANNER = "▲ VIP MOVED 08:53:20 iam-a -> iam-b · a acknowledges"


async def test_the_foot_says_it_first_and_then_keeps_it_beside_the_cursors_line():
    async with console(scenes.healthy()) as seen:
        told = await moved_in(seen)
        assert "▲ VIP moved 08:53:20 iam-a -> iam-b" in seen.foot
        assert told[-1] == "\x07"
        await seen.press("escape", "j")
        assert BANNER in seen.foot
        assert len(seen.foot) <= 80


async def test_every_view_shows_it_until_a_is_pressed_and_the_events_keep_it():
    async with console(scenes.healthy(), size=(120, 40)) as seen:
        await moved_in(seen)
        await seen.press("escape")
        for key, view in VIEWS.items():
            await seen.press(key)
            assert view == seen.app.view.NAME
            seen.app.view.foot.status.clear()
            await seen.pilot.pause()
            assert BANNER in seen.text, key
        await seen.press("a")
        assert "acknowledged: VIP move 08:53:20 iam-a -> iam-b" in seen.foot
        await seen.press("escape")
        assert BANNER not in seen.text
        assert "acknowledged: VIP move" in seen.text


async def test_it_is_shown_and_called_while_the_picture_is_held():
    async with console(scenes.healthy()) as seen:
        await seen.press("p")
        told = await moved_in(seen)
        await seen.press("escape")
        assert BANNER in seen.foot
        assert told


async def test_a_new_critical_finding_is_called_while_the_picture_is_held():
    async with console(scenes.healthy()) as seen:
        await seen.press("p")
        told: list[str] = []
        seen.app.notify_terminal = told.append  # type: ignore[method-assign]
        seen.cluster.found = (replace(SPLIT, code="client-dark", title="nobody answers"),)
        seen.cluster.time += 1
        seen.app._tick()
        await seen.pilot.pause(0.05)
        assert "✗ nobody answers" in seen.foot
        assert told
        assert "ALERTS 1" in seen.lines[0]


async def test_a_split_brain_rings_stays_in_the_foot_and_its_end_is_told():
    async with console(scenes.healthy(), size=(120, 40)) as seen:
        told: list[str] = []
        seen.app.notify_terminal = told.append  # type: ignore[method-assign]
        apply = seen.cluster.store.apply
        apply(AddressChanged(NOW, B, VIP, present=True))
        apply(HostReported(NOW + 1.2, A, HostReport()))
        await seen.pilot.pause(0.05)
        assert f"✗ SPLIT BRAIN: VIP {VIP} on iam-a and iam-b" in seen.foot
        assert told[-1] == "\x07"
        await seen.press("escape", "j")
        assert "▲ SPLIT BRAIN 08:53:20 iam-a + iam-b · a acknowledges" in seen.foot
        await seen.press("a")
        apply(AddressChanged(NOW + 9, B, VIP, present=False))
        await seen.pilot.pause(0.05)
        await seen.press("escape", "j")
        assert "▲ SPLIT BRAIN of iam-a + iam-b ended 08:53:29: VIP on iam-a · a acknowledges" in seen.foot
        assert "split brain ended: VIP" in seen.text
        assert "moved" not in seen.text.lower()


async def test_a_says_why_there_is_nothing_to_acknowledge():
    async with console(scenes.healthy()) as seen:
        await seen.press("a")
        assert "Acknowledge the VIP move: no VIP move waits for it" in seen.foot


async def test_the_bell_is_switched_from_the_command_line():
    async with console(scenes.healthy()) as seen:
        await seen.type(":bell off")
        await seen.press("enter")
        assert "bell off" in seen.foot
        assert [text for text in await moved_in(seen) if text == "\x07"] == []
    assert remembered("bell") == "off"


async def test_a_terminal_that_lost_the_focus_is_called_where_that_is_wanted(monkeypatch):
    monkeypatch.setenv("IAMOPS_BELL", "unfocused")
    monkeypatch.setenv("IAMOPS_NOTIFICATIONS", "off")
    async with console(scenes.healthy()) as seen:
        seen.app.post_message(events.AppBlur())
        await seen.pilot.pause()
        assert await moved_in(seen) == ["\x07"]


async def test_a_bad_word_in_the_environment_is_said(monkeypatch):
    monkeypatch.setenv("IAMOPS_BELL", "\x1b[31mloud")
    async with console(scenes.healthy()) as seen:
        await seen.pilot.pause(0.05)
        assert "IAMOPS_BELL: '\\x1b[31mloud' is none of on, off, unfocused" in seen.foot


async def test_what_goes_to_the_terminal_goes_through_the_driver_in_one_piece():
    async with console(scenes.healthy(), cluster=FixedCluster(scenes.healthy())) as seen:
        written: list[str] = []
        seen.app._driver.write = written.append  # type: ignore[method-assign, union-attr]
        seen.app.notify_terminal("\x1b]9;x\x07")
        seen.app.notify_terminal("")
        assert written == ["\x1b]9;x\x07"]


async def _moved(pilot: Pilot[None]) -> None:
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    await pilot.pause(0.3)
    for node, present in ((A, False), (B, True)):
        app.cluster.store.apply(AddressChanged(NOW, node, VIP, present=present))
    await pilot.pause(0.3)


async def _moved_and_seen(pilot: Pilot[None]) -> None:
    await _moved(pilot)
    await pilot.press("escape")
    await pilot.pause(0.1)


@pytest.mark.parametrize("theme", ["dark", None], ids=["dark", "no-color"])
@pytest.mark.parametrize("stage", [_moved, _moved_and_seen], ids=["called", "waiting"])
def test_a_moves_picture(snap_compare, stage, theme):
    cluster = FixedCluster(scenes.healthy())
    app = ConsoleApp(cluster, lambda: FixedDeck(cluster), theme=theme, no_color=theme is None)
    assert snap_compare(app, terminal_size=(80, 24), run_before=stage)
