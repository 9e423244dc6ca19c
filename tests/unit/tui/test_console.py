"""The console as a person uses it: keys, panes, pause, copying, help, leaving, resize."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamops.model.events import AddressChanged, HttpProbed, Noticed, Target
from iamops.model.facts import ProbeOutcome, Severity
from iamops.model.profile import Profile
from iamops.model.state import ClusterState
from iamops.session.user import state_dir
from iamops.tui.dialogs.help import HelpScreen
from iamops.tui.overview.screen import Overview
from tests.support import scenes
from tests.support.scenes import NOW, VIP, A, B, FixedCluster, bad
from tests.support.screens import console


async def test_paints_before_anything_is_known_and_starts_the_session() -> None:
    async with console(scenes.starting()) as seen:
        assert "LAB ○ lab" in seen.lines[0]
        assert "UNKNOWN" in seen.text
        assert "start" in seen.cluster.calls
    assert seen.cluster.calls[-1] == "stop"


async def test_a_session_that_cannot_start_is_an_event_not_a_traceback() -> None:
    class Broken(FixedCluster):
        async def start(self) -> None:
            raise OSError("no such namespace")

    async with console(scenes.starting(), cluster=Broken(scenes.starting())) as seen:
        await seen.pilot.pause(0.15)
        assert "could not start" in seen.text


async def test_a_vip_move_reaches_the_screen_by_itself() -> None:
    async with console(scenes.healthy()) as seen:
        seen.cluster.store.apply(AddressChanged(NOW, A, VIP, present=False))
        seen.cluster.store.apply(AddressChanged(NOW, B, VIP, present=True))
        await seen.pilot.pause()
        await seen.pilot.pause(0.05)
        assert f"VIP {VIP} -> iam-b" in seen.lines[0]
        assert f"VIP {VIP} moved iam-a -> iam-b" in seen.text


async def test_only_the_lines_that_changed_are_repainted() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.pilot.pause(0.15)
        services = seen.app.view.query_one("#services")
        lines: list[int] = []
        render = services.render_line
        services.render_line = lambda y: lines.append(y) or render(y)  # type: ignore[method-assign, func-returns-value]
        refused = HttpProbed(NOW, A, A, Target.SERVICE, "iam-pump", bad(ProbeOutcome.REFUSED))
        seen.cluster.store.apply(refused)
        await seen.pilot.pause(0.2)
        assert "✗ DOWN" in seen.text
        assert set(lines) == {5}


async def test_j_and_k_move_and_the_foot_tells_the_whole_story() -> None:
    async with console(scenes.troubled()) as seen:
        await seen.press("j", "j")
        assert "iam-apiserver on iam-a: ● OK" in seen.foot
        await seen.press("G", "l")
        assert "mongodb @iam-a from iam-b: ✗ DOWN (timeout)" in seen.foot
        await seen.press("g", "h")
        assert "iam.api.marmotedu.com through nginx of iam-a" in seen.foot


async def test_tab_goes_round_the_panes_and_back() -> None:
    async with console(scenes.healthy()) as seen:
        assert "▸SERVICES" in seen.text
        await seen.press("tab")
        assert "▸REQUESTS" in seen.text
        await seen.press("tab")
        assert "▸EVENTS" in seen.text
        await seen.press("shift+tab", "shift+tab")
        assert "▸SERVICES" in seen.text


async def test_h_and_l_go_to_the_neighbouring_card() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.type(":node iam-a")
        await seen.press("enter", "l")
        assert "▸iam-b" in seen.text
        await seen.press("h")
        assert "▸iam-a" in seen.text


async def test_the_cursor_stays_on_its_event_while_new_ones_arrive() -> None:
    async with console(scenes.moved()) as seen:
        await seen.press("tab", "tab", "j")
        before = seen.foot
        seen.cluster.store.apply(Noticed(NOW, None, Severity.INFO, "something new"))
        await seen.pilot.pause(0.1)
        assert seen.foot == before
        await seen.press("g")
        assert "something new" in seen.foot


async def test_pause_holds_the_picture_and_its_ages_and_the_header_goes_on() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press("p")
        seen.cluster.time += 30
        seen.cluster.store.apply(AddressChanged(NOW + 30, B, VIP, present=True))
        await seen.pilot.pause(1.1)
        assert "PAUSED 30s" in seen.lines[0]
        assert "-> iam-b" in seen.lines[0], "who owns the VIP is never held back"
        assert "STALE" not in "\n".join(seen.lines[1:])
        assert "p go on" in seen.lines[-1]
        await seen.press("p")
        await seen.pilot.pause(0.05)
        assert "p pause" in seen.lines[-1]
        assert "PAUSED" not in seen.text
        assert "-> iam-b" in seen.lines[0]


async def test_refresh_asks_the_session_and_is_denied_with_a_reason_while_paused() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press("ctrl+r")
        assert seen.cluster.calls.count("refresh") == 1
        await seen.press("p", "ctrl+r")
        assert "the screen is paused; press p to go on first" in seen.foot
        assert seen.cluster.calls.count("refresh") == 1


async def test_c_copies_the_line_under_the_cursor() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press("c")
        assert seen.app.clipboard == "iam.api.marmotedu.com through nginx of iam-a: ● OK (1.2 ms)"


async def test_ctrl_c_never_quits_and_says_why_it_copied_nothing() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press("ctrl+c", "ctrl+c")
        assert "nothing is selected" in seen.foot
        assert seen.app.is_running


async def test_ctrl_c_copies_what_the_mouse_selected() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.pilot.mouse_down("#services", offset=(8, 1))
        await seen.pilot.hover("#services", offset=(28, 1))
        await seen.pilot.mouse_up("#services", offset=(28, 1))
        await seen.press("ctrl+c")
        assert "iam.api.marmotedu.co" in seen.app.clipboard


async def test_q_quits_from_the_root_only() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press("question_mark")
        assert isinstance(seen.app.screen, HelpScreen)
        await seen.press("q")
        assert isinstance(seen.app.screen, Overview)
        await seen.press("q")
        assert seen.app._exit


async def test_escape_at_the_root_does_not_quit() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press("escape", "escape")
        assert seen.app.is_running
        assert not seen.app._exit


async def test_help_is_about_the_pane_with_the_focus() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press("tab", "tab", "question_mark")
        assert "Events" in seen.lines[1] + seen.lines[2]
        await seen.press("escape")
        assert isinstance(seen.app.screen, Overview)


async def test_the_screen_goes_on_behind_a_dialog() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press("question_mark")
        seen.cluster.store.apply(AddressChanged(NOW, B, VIP, present=True))
        await seen.pilot.pause(0.1)
        await seen.press("escape")
        assert "-> iam-b" in seen.lines[0]


async def test_the_palette_finds_and_runs_an_action() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press("ctrl+p")
        await seen.type("light")
        await seen.pilot.pause(0.3)
        await seen.press("enter", "enter")
        await seen.pilot.pause(0.1)
        assert seen.app.theme == "light"


async def test_export_writes_a_picture_that_calls_no_one() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press("ctrl+s")
        (picture,) = (state_dir() / "screens").glob("*.svg")
        assert "saved" in seen.foot
        svg = picture.read_text(encoding="utf-8")
        assert "10.0.4.99" in svg
        assert "@font-face" not in svg
        assert "src:" not in svg


async def test_export_to_a_place_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    async with console(scenes.healthy(), size=(160, 24)) as seen:
        seen.app.action_perform("export", str(tmp_path / "no" / "x.svg"))
        await seen.pilot.pause()
        assert "not saved: " in seen.foot


async def test_node_goes_to_its_card_and_its_column() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.type(":node iam-b")
        await seen.press("enter")
        assert "▸iam-b" in seen.text
        await seen.press("tab")
        assert "through nginx of iam-b" in seen.foot


async def test_node_in_a_large_cluster() -> None:
    async with console(scenes.many()) as seen:
        await seen.type(":node iam-33")
        await seen.press("enter")
        assert "▸NODES 50" in seen.text
        assert "iam-33" in seen.foot
        assert sum("iam-33" in line for line in seen.lines) >= 3


@pytest.mark.parametrize("key", ["c", "G", "pagedown", "ctrl+d", "up", "right", "end", "home"])
async def test_no_key_fails_on_a_cluster_about_which_nothing_is_known(key: str) -> None:
    async with console(scenes.starting()) as seen:
        for _ in range(8):
            await seen.press(key, "tab")
        assert seen.app.is_running


async def test_findings_come_with_their_next_step_and_j_goes_through_them() -> None:
    cluster = FixedCluster(scenes.split_brain(), findings=(scenes.SPLIT, scenes.NO_GRANT))
    async with console(scenes.split_brain(), cluster=cluster) as seen:
        await seen.pilot.pause(0.15)
        assert "ALERTS 2" in seen.lines[0]
        assert seen.lines[21].endswith("→ iamops triage")
        await seen.press("tab", "tab", "tab", "j")
        assert "WARNING 2/2" in seen.lines[21]
        await seen.press("c")
        assert seen.app.clipboard.startswith("WARNING datastore-not-allowed: MariaDB")


@pytest.mark.parametrize("size", [(120, 40), (60, 24), (40, 10), (20, 5), (5, 2), (80, 19), (200, 60), (80, 24)])
async def test_every_size_is_drawn_and_the_focus_is_never_lost(size: tuple[int, int]) -> None:
    async with console(scenes.troubled()) as seen:
        await seen.type(":node iam-b")
        await seen.press("enter")
        await seen.pilot.resize_terminal(*size)
        await seen.pilot.pause(0.1)
        assert len(seen.lines) == size[1]
        if size[1] > 2:
            assert "PROD" in seen.lines[0]
        await seen.press("tab")
        assert seen.app.view.pane is not None


async def test_a_cluster_of_one_node_without_services() -> None:
    bare = Profile.model_validate(
        {
            "name": "one",
            "environment": "staging",
            "nodes": {"solo": {"address": "10.0.4.20", "priority": 100}},
            "vrrp": {
                "VI_1": {"virtual_router_id": 1, "vip": "10.0.4.98/24"},
                "VI_2": {"virtual_router_id": 2, "vip": "10.0.4.99/24"},
            },
        }
    )
    async with console(ClusterState.of(bare), size=(120, 40)) as seen:
        assert "STAGING △ one" in seen.lines[0]
        assert "VI_2" in seen.lines[2]


async def test_an_idle_screen_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with console(scenes.healthy()) as seen:
        await seen.pilot.pause(0.3)
        written: list[str] = []
        monkeypatch.setattr(seen.app._driver, "write", written.append)
        await seen.pilot.pause(2.2)
        assert not [part for part in written if "m" in part]


async def test_ages_tick_by_themselves() -> None:
    async with console(scenes.healthy()) as seen:
        assert "updated <1s" in seen.lines[0]
        seen.cluster.time += 3
        await seen.pilot.pause(1.2)
        assert "updated 3s" in seen.lines[0]
