"""The console as a whole: its start, its themes, its pictures, its end, its crash."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from iamops.model.events import Noticed
from iamops.model.exit_code import ExitCode
from iamops.model.facts import Severity
from iamops.model.profile import Profile
from iamops.model.state import ClusterState
from iamops.session.user_files import state_dir
from iamops.tui.app.app import ConsoleApp
from iamops.tui.dialogs.help import HelpScreen
from iamops.tui.overview.header import StatusHeader
from iamops.tui.overview.screen import Overview
from tests.support import scenes
from tests.support.operators import FixedOperator
from tests.support.scenes import FixedCluster
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


async def test_a_remembered_theme_is_used_and_an_asked_one_wins() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.type(":theme colour-blind")
        await seen.press("enter")
    async with console(scenes.healthy()) as seen:
        assert seen.app.theme == "colour-blind"
    async with console(scenes.healthy(), theme="light") as seen:
        assert seen.app.theme == "light"


async def test_a_theme_that_does_not_exist_is_said_and_not_fatal() -> None:
    async with console(scenes.healthy(), theme="pink") as seen:
        assert "no theme 'pink'" in seen.foot
        assert seen.app.theme == "dark"


async def test_no_color_writes_no_colour_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for asked in (True, False):
        if not asked:
            monkeypatch.setenv("NO_COLOR", "1")
        cluster = FixedCluster(scenes.troubled())
        operator = FixedOperator(cluster)
        app = ConsoleApp(cluster, lambda operator=operator: operator, no_color=asked)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            await pilot.press("question_mark")
            await pilot.pause()
            strips = app.screen._compositor.render_strips()
            styles = [segment.style for strip in strips for segment in strip if segment.style]
            assert styles
            assert all(style.color is None and style.bgcolor is None for style in styles)


async def test_themes_have_no_effect_without_colour_and_that_is_said() -> None:
    async with console(scenes.healthy(), no_color=True) as seen:
        await seen.type(":theme light")
        await seen.press("enter")
        assert "NO_COLOR is set" in seen.foot


async def crashed() -> tuple[str, int | None]:
    """What a console leaves on the terminal that failed with a password at hand."""
    cluster = FixedCluster(scenes.healthy())
    app = ConsoleApp(cluster, lambda: FixedOperator(cluster))
    told = io.StringIO()
    app.error_console = Console(file=told, width=400)

    def fail() -> None:
        answer = "FAKElocal" + "12x"
        raise RuntimeError(f"no good: password=FAKEworded34x \x1b[2J {len(answer)}")

    async def failing() -> None:
        async with app.run_test() as pilot:
            app.call_later(fail)
            await pilot.pause()

    with pytest.raises(RuntimeError):
        await failing()
    app._print_error_renderables()
    return told.getvalue(), app.return_code


async def test_a_crash_tells_no_variables_no_secrets_and_no_controls(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("IAMOPS_DEBUG", raising=False)
    told, code = await crashed()
    assert "RuntimeError: no good: password=[redacted password]" in told
    assert "IAMOPS_DEBUG=1" in told
    assert "FAKE" not in told
    assert "\x1b[2J" not in told
    assert code == ExitCode.UNKNOWN


async def test_whoever_asks_for_it_gets_the_places_without_variables(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IAMOPS_DEBUG", "1")
    told, _ = await crashed()
    assert Path(__file__).name in told
    assert "FAKElocal12x" not in told
    assert "FAKEworded34x" not in told


async def test_a_part_that_cannot_be_drawn_says_so_and_all_the_others_are(monkeypatch: pytest.MonkeyPatch):
    def fails(self: object, moment: object, width: int, height: int) -> None:
        raise KeyError("iam-c")

    async with console(scenes.healthy()) as seen:
        monkeypatch.setattr(StatusHeader, "draw", fails)
        seen.cluster.store.apply(Noticed(seen.cluster.now(), None, Severity.INFO, "something new"))
        await seen.until(lambda: "not drawn: a fault of iamops: KeyError" in seen.text)
        await seen.until(lambda: "something new" in seen.text)


async def test_work_beside_the_screen_that_fails_is_told(monkeypatch: pytest.MonkeyPatch):
    async def fails() -> None:
        raise RecursionError("too deep")

    async with console(scenes.healthy()) as seen:
        seen.app.work(fails, "learn Drills")
        await seen.until(lambda: "learn Drills: a fault of iamops: RecursionError" in seen.text)
        notice = seen.cluster.store.state.notices[-1]
        assert notice.severity is Severity.CRITICAL
