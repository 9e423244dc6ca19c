"""The Logs view: lines of all nodes by time, following them, filtering, marking, and reading one in full."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from iamops.accesslog.line import log_text
from iamops.model.facts import Severity
from iamops.model.journal import LogSource
from iamops.tui.app.app import ConsoleApp
from iamops.tui.logs.lines import brief
from iamops.tui.logs.screen import LogsScreen
from iamops.tui.overview.screen import Overview
from iamops.tui.toolkit.text import clock
from tests.support import scenes
from tests.support.operators import FixedOperator
from tests.support.planted import planted
from tests.support.scenes import NOW, A, B, FixedCluster
from tests.support.screens import Watched, console
from tests.support.taps import FixedTap, busy, request

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
ROOM = 20  # rows of the list at 80x24
Compare = Callable[..., bool]


def on(tap: FixedTap) -> FixedOperator:
    cluster = FixedCluster(scenes.healthy())
    cluster.tap = tap
    return FixedOperator(cluster)


async def at_logs(seen: Watched) -> None:
    await seen.press("3")
    await seen.until(lambda: isinstance(seen.app.screen, LogsScreen) and "LOGS" in seen.lines[1])
    await painted(seen)


async def painted(seen: Watched) -> None:
    await seen.pilot.pause(0.2)


async def filtered(seen: Watched, text: str) -> None:
    names = {":": "colon", "!": "exclamation_mark", " ": "space", "/": "slash", ".": "full_stop"}
    await seen.press("slash", *(names.get(each, each) for each in text), "enter")


def shown(seen: Watched) -> list[str]:
    """The lines of the list."""
    return seen.lines[2:-3]


# --- following ---


@SIZES
async def test_the_newest_line_is_at_the_bottom_and_new_ones_come_by_themselves(size: tuple[int, int]):
    async with console(scenes.healthy(), size=size, operator=on(busy())) as seen:
        await at_logs(seen)
        assert "GET /v1/users/59" in shown(seen)[-1]
        assert "▸LOGS following" in seen.lines[1]
        assert "64 lines" in seen.lines[1]
        seen.cluster.tap.write(request("/brand-new"), at=NOW + 1)
        await seen.until(lambda: "GET /brand-new" in shown(seen)[-1])


async def test_lines_of_both_nodes_and_the_clusters_events_stand_in_order_of_time():
    async with console(scenes.healthy(), operator=on(busy())) as seen:
        await at_logs(seen)
        order = ["/v1/users/47", "connect() failed", "Entering MASTER", "VIP 10.0.4.99 moved", "/v1/users/48"]
        rows = [next(n for n, line in enumerate(shown(seen)) if text in line) for text in order]
        assert rows == list(range(rows[0], rows[0] + 5))
        assert "◆ iam-b evt" in shown(seen)[rows[3]]
        assert "✗ iam-b err" in shown(seen)[rows[1]]


async def test_an_older_line_that_comes_late_is_put_in_its_place():
    async with console(scenes.healthy(), operator=on(busy())) as seen:
        await at_logs(seen)
        seen.cluster.tap.write(request("/late"), at=NOW - 2.5)
        await seen.until(lambda: "/late" in shown(seen)[-3])


async def test_moving_up_stops_following_and_the_line_stays_where_it_is():
    async with console(scenes.healthy(), operator=on(busy())) as seen:
        await at_logs(seen)
        await seen.press("k")
        before = shown(seen)
        assert "G follows" in seen.lines[1]
        assert "/v1/users/58" in seen.foot
        for n in range(30):
            seen.cluster.tap.write(request(f"/more/{n}"), at=NOW + n)
        await seen.until(lambda: "30 below, G follows" in seen.lines[1])
        assert shown(seen) == before


@pytest.mark.parametrize("key", ["G", "end"])
async def test_going_to_the_end_follows_again(key: str):
    async with console(scenes.healthy(), operator=on(busy())) as seen:
        await at_logs(seen)
        await seen.press("g")
        assert "/v1/users/0 " in shown(seen)[0]
        await seen.press(key)
        assert "following" in seen.lines[1]
        assert "/v1/users/59" in shown(seen)[-1]


async def test_pages_and_the_mouse_move_over_all_lines():
    async with console(scenes.healthy(), operator=on(busy(200))) as seen:
        await at_logs(seen)
        await seen.press("pageup", "pageup")
        assert "/v1/users/167" in shown(seen)[0]
        await seen.press("pagedown", "j")
        assert "/v1/users/186" in seen.foot
        await seen.pilot.click("#list", offset=(30, 1))
        assert "/v1/users/" in seen.foot
        clicked = seen.foot
        await seen.press("j", "k")
        assert seen.foot == clicked


async def test_a_line_that_is_no_longer_kept_leaves_the_cursor_at_the_oldest():
    tap = busy()
    async with console(scenes.healthy(), operator=on(tap)) as seen:
        await at_logs(seen)
        await seen.press("g")
        for n in range(5000):
            tap.ring.add(NOW + n, B, LogSource.ACCESS, request(f"/flood/{n}"), Severity.INFO)
        tap.write(request("/flood/last"), at=NOW + 5000)
        await seen.until(lambda: "/flood/1 " in shown(seen)[0] and "/flood/1 " in seen.foot)
        assert "65 dropped" not in seen.lines[1]


async def test_what_was_lost_is_counted_in_sight():
    tap = busy()
    async with console(scenes.healthy(), operator=on(tap)) as seen:
        await at_logs(seen)
        for _ in range(1234):
            tap.ring.drop()
        tap.write(request("/x"))
        await seen.until(lambda: "▲ 1.2k dropped · 65 lines" in seen.lines[1])


# --- pause ---


async def test_while_paused_nothing_moves_and_nothing_is_lost():
    async with console(scenes.healthy(), operator=on(busy())) as seen:
        await at_logs(seen)
        await seen.press("p")
        await painted(seen)
        before = shown(seen)
        assert "held, p goes on" in seen.lines[1]
        seen.cluster.tap.write(request("/meanwhile"), at=NOW + 1)
        await seen.pilot.pause(1.2)
        assert shown(seen) == before
        await seen.press("k")
        assert "/v1/users/58" in seen.foot
        await seen.press("m")
        assert "■" in seen.text
        await seen.press("p", "G")
        await seen.until(lambda: "/meanwhile" in shown(seen)[-1])
        assert "■" in seen.text


# --- filter ---


async def test_the_filter_is_a_text_a_node_and_a_source():
    async with console(scenes.healthy(), operator=on(busy())) as seen:
        await at_logs(seen)
        await filtered(seen, "GET /V1/users/5")
        assert "/GET /V1/users/5" in seen.lines[1]
        assert "11 of 64 lines" in seen.lines[1]
        await seen.press("escape")
        await filtered(seen, "node:iam-b source:err")
        assert "1 of 64 lines" in seen.lines[1]
        assert "connect() failed" in shown(seen)[0]
        await seen.press("escape")
        await filtered(seen, "nothing like this")
        assert "not in the 64 lines kept; earlier ones were not read:" in shown(seen)[0]
        await seen.press("k", "m", "w", "enter", "n")
        await seen.press("escape", "escape")
        assert "64 lines" in seen.lines[1]


async def test_what_was_not_read_is_marked_and_no_filter_hides_that():
    """A request that is older than the lines of its source is not said to be nowhere."""
    tap = FixedTap()
    for node, first in ((A, NOW - 3), (B, NOW - 300)):
        tap.ring.begin(node, LogSource.ACCESS, NOW)
        for n in range(3):
            tap.write(request(f"/v1/{node}/{n}"), at=first + n, node=node)
    async with console(scenes.healthy(), operator=on(tap)) as seen:
        await at_logs(seen)
        assert "6 lines" in seen.lines[1]
        quiet, busy_one = (n for n, line in enumerate(shown(seen)) if "access: earlier lines not read" in line)
        assert (quiet, busy_one) == (0, 4), "between the quiet node's lines, where the busy one's begin"
        await filtered(seen, "a-request-of-an-hour-ago")
        assert "0 of 6 lines" in seen.lines[1]
        assert "not in the 6 lines kept" in shown(seen)[0]
        assert f"{clock(NOW - 300)} ┄ iam-b" in shown(seen)[1]
        assert f"{clock(NOW - 3)} ┄ iam-a" in shown(seen)[2]
        assert "look on each node: grep -iF a-request-of-an-hour-ago /var/log/nginx/access.log" in shown(seen)[3]
        await seen.press("escape")
        await filtered(seen, "node:iam-a nowhere")
        assert not any("iam-b" in line for line in shown(seen))


async def test_lines_and_marks_are_there_after_another_view():
    tap = busy()
    async with console(scenes.healthy(), operator=on(tap)) as seen:
        await at_logs(seen)
        await seen.press("k", "m", "1")
        await at_logs(seen)
        assert any("■" in line for line in shown(seen))
        assert "64 lines" in seen.lines[1]


# --- marks, wrapping, the line in full ---


async def test_a_line_is_marked_and_found_again():
    async with console(scenes.healthy(), operator=on(busy(200))) as seen:
        await at_logs(seen)
        await seen.press("g", "m")
        assert shown(seen)[0].startswith("■")
        await seen.press("escape", "n")
        assert "VIP 10.0.4.99 moved" in seen.foot
        await seen.press("n")
        assert "no mark or event below" in seen.foot
        await seen.press("escape", "N")
        assert "/v1/users/0" in seen.foot
        await seen.press("N")
        assert "no mark or event above" in seen.foot
        await seen.press("m", "escape")
        assert "■" not in seen.text


async def test_marks_are_still_there_after_another_view():
    async with console(scenes.healthy(), operator=on(busy())) as seen:
        await at_logs(seen)
        await seen.press("k", "m", "1")
        await at_logs(seen)
        assert "■" in seen.text


async def test_lines_are_wrapped_and_cut_again():
    async with console(scenes.healthy(), operator=on(busy())) as seen:
        await at_logs(seen)
        assert "…" in shown(seen)[-1]
        await seen.press("w")
        assert '"curl/8.5.0" "-"' in shown(seen)[-1]
        assert "GET /v1/users/59" in shown(seen)[-2]
        await seen.press("w")
        assert "GET /v1/users/59" in shown(seen)[-1]


@pytest.mark.parametrize("steps", [["k"] * 30, ["g", *["j"] * 30], ["pageup", "pagedown", "N", "n"]])
async def test_the_cursor_is_always_in_sight_when_lines_are_wrapped(steps: list[str]):
    async with console(scenes.healthy(), operator=on(busy())) as seen:
        await at_logs(seen)
        await seen.press("w")
        for key in steps:
            await seen.press(key)
            screen = seen.app.screen
            assert isinstance(screen, LogsScreen)
            chosen = screen._list.chosen
            assert chosen is not None
            assert brief(chosen)[:38] in seen.text


async def test_enter_shows_the_line_in_full_and_stops_at_it():
    async with console(scenes.healthy(), operator=on(busy())) as seen:
        await at_logs(seen)
        await seen.press("enter")
        await seen.until(lambda: "[24/Nov/2026:17:46:29 +0000]" in seen.text)
        assert "iam-a  access" in seen.text
        seen.cluster.tap.write(request("/brand-new"), at=NOW + 1)
        await seen.until(lambda: "1 below, G follows" in seen.lines[1])
        await seen.press("k")
        await seen.until(lambda: "/v1/users/58" in "".join(seen.lines[-7:-3]))
        await seen.press("escape")
        await seen.until(lambda: "[24/Nov/2026:17:46:29 +0000]" not in "\n".join(shown(seen)))
        assert isinstance(seen.app.screen, LogsScreen)


async def test_help_says_what_the_keys_do():
    async with console(scenes.healthy(), size=(120, 60), operator=on(busy())) as seen:
        await at_logs(seen)
        await seen.press("question_mark")
        assert "Moving up stops following" in seen.text
        assert "Wrap log lines, or cut them" in seen.text


# --- being opened and left ---


async def test_it_watches_while_it_is_open_and_not_longer():
    async with console(scenes.healthy(), operator=on(busy())) as seen:
        assert seen.cluster.tap.watchers == []
        await at_logs(seen)
        assert len(seen.cluster.tap.watchers) == 1
        await seen.press("ctrl+r")
        await painted(seen)
        assert len(seen.cluster.tap.watchers) == 1
        await seen.press("q")
        await seen.until(lambda: seen.cluster.tap.watchers == [])
        assert isinstance(seen.app.screen, Overview)


async def test_before_the_first_line_it_says_what_it_does():
    async with console(scenes.healthy(), operator=on(FixedTap())) as seen:
        await at_logs(seen)
        assert "reading the nodes' logs" in seen.text
        await seen.press("k", "m")
        assert "nothing is under the cursor" in seen.foot or "no line is under the cursor" in seen.foot


async def test_on_other_views_its_keys_say_where_they_work():
    async with console(scenes.healthy()) as seen:
        await seen.press("m")
        assert "press 3 for the Logs first" in seen.foot


def test_nothing_of_it_is_loaded_before_it_is_opened():
    names = ("tui.logs.screen", "tui.logs.lines", "session.logs", "nodes.logs.tail")
    code = (
        "import sys, iamops.tui.app.app, iamops.session.cluster\n"
        f"print([name for name in sys.modules if name.startswith('iamops.') and name.endswith({names!r})])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"


# --- hostile lines ---


async def test_hostile_lines_are_harmless():
    tap = busy()
    for n, text in enumerate(
        ("\x1b[31m\x1b]0;owned\x07", "[bold red]markup[/]", "停" * 4000, "\u202e" * 50, "\x00" * 99)
    ):
        tap.write(text, at=NOW + n)
    async with console(scenes.healthy(), operator=on(tap)) as seen:
        await at_logs(seen)
        for key in ("w", "k", "k", "k", "enter", "k", "G"):
            await seen.press(key)
            assert "\x1b" not in seen.text
            assert "\x00" not in seen.text
        await seen.press("w")
        assert "[bold red]markup[/]" in seen.text


# --- pictures ---

KEYS = {":": "colon", "!": "exclamation_mark", " ": "space", "/": "slash"}
PICTURES: dict[str, list[str]] = {
    "following": ["3"],
    "chosen": ["3", "w", "N", "m", "k", "enter"],
    "filtered": ["3", "slash", *"node:iam-b source:acc !users/5", "enter"],
}


@SIZES
@pytest.mark.parametrize("name", PICTURES)
def test_logs(snap_compare: Compare, name: str, size: tuple[int, int]) -> None:
    operator = on(busy())
    app = ConsoleApp(operator.cluster, lambda: operator)

    async def looked_at(pilot: Pilot[None]) -> None:
        first, *others = (KEYS.get(key, key) for key in PICTURES[name])
        await pilot.press(first)
        await pilot.pause(0.3)
        await pilot.press(*others)
        await pilot.pause(0.3)

    assert snap_compare(app, terminal_size=size, run_before=looked_at)


async def test_a_picture_of_the_logs_is_for_its_owner_alone_and_holds_no_secret(tmp_path: Path):
    texts = [each for each in planted() if "\n" not in each.text][:18]
    tap = FixedTap()
    for n, each in enumerate(texts):
        tap.write(log_text(each.text.encode()), at=NOW + n)
    async with console(scenes.healthy(), size=(120, 40), operator=on(tap)) as seen:
        await at_logs(seen)
        seen.app.action_perform("export", str(tmp_path / "logs.svg"))
        await seen.until((tmp_path / "logs.svg").exists)
    picture = (tmp_path / "logs.svg").read_text()
    assert (tmp_path / "logs.svg").stat().st_mode & 0o777 == 0o600
    assert picture.count("redacted") >= len(texts)
    assert not [each.text for each in texts if each.leaks_in(picture)]
