"""The Traffic view: windows, tables, pausing, hostile text, and its place among the others."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import pytest
from textual.geometry import Region
from textual.pilot import Pilot

from iamops.model.traffic import OTHERS, Backend, Latency, LogTotals, Traffic
from iamops.tui.app.app import ConsoleApp
from iamops.tui.traffic.screen import traffic_places
from iamops.tui.traffic.snapshot import snapshot_of
from tests.support.feeds import FixedFeed, busy
from tests.support.scenes import NOW, A, B
from tests.support.screens import console
from tests.support.traffic_view import FAILURES, KEYS, SIZES, Compare, at_traffic, on, row, second, state, typed


@SIZES
async def test_nodes_backends_and_paths_are_shown_with_their_failures(size: tuple[int, int]):
    async with console(state(), size=size, operator=on(busy())) as seen:
        await at_traffic(seen)
        assert "1m  5m [15m] 1h  1d" in seen.lines[1]
        assert row(seen, "all").split()[1:6] == ["14.7k", "16.3", "13.6k", "477", "308"]
        assert row(seen, "iam-a").split()[1] == "10.1k"
        assert row(seen, "iam-b").split()[6] == "0"
        assert "✗303" in next(line for line in seen.lines if "iam-a apiserver" in line)
        assert "▲3.2%" in row(seen, "/v1/users/:id")
        assert "182 of them 5xx (3.2%)" in seen.foot


async def test_two_machines_never_share_a_row_and_the_one_that_fails_is_named():
    """Each nginx asks its own service by 127.0.0.1: which node served the 5xx?"""
    feed, at = FixedFeed(), int(NOW) - 20
    for node, peer, errors in ((A, "10.0.4.21:8080", 0), (B, "10.0.4.20:8080", 30)):
        asked = {"127.0.0.1:8080": Backend(60, errors), peer: Backend(40)}
        feed.all.add(
            node, {at: Traffic(statuses=Counter({"200": 100 - errors, "502": errors}), backends=asked)}, NOW
        )
    async with console(state(), operator=on(feed)) as seen:
        await at_traffic(seen)
        rows = [line.split("iam-")[-1].split() for line in seen.lines if " apiserver " in line]
        assert [row[:4] for row in rows] == [["a", "apiserver", "50%", "0"], ["b", "apiserver", "50%", "✗30"]]
        assert "127.0.0.1" not in seen.text


@SIZES
async def test_the_plot_has_both_nodes_the_failures_and_what_happened(size: tuple[int, int]):
    async with console(state(), size=size, operator=on(busy())) as seen:
        await at_traffic(seen)
        assert "▄ iam-a  ⠶ iam-b  × 5xx, top 4.7/s  │ VIP move  ┊ action" in seen.lines[2]
        plot = "\n".join(seen.lines[3:13])
        assert all(sign in plot for sign in "▄⠤×│┊") or all(sign in plot for sign in "▄⠒×│┊")
        assert "-15m" in plot
        assert "now" in plot


async def test_two_tables_are_shown_where_there_is_room_and_t_turns_both():
    async with console(state(), size=(120, 40), operator=on(busy())) as seen:
        await at_traffic(seen)
        assert "PATHS" in seen.text
        assert "HOSTS" in seen.text
        await seen.press("t")
        assert "HOSTS t next" in seen.text
        assert "STATUS" in seen.text
        assert "PATHS" not in seen.text


@pytest.mark.parametrize(
    ("turns", "title", "row"),
    [
        (1, "HOSTS", "iam.api.marmotedu.com · 9630 requests"),
        (2, "STATUS", "200 · "),
        (3, "CLIENTS", "10.0.4.1 · "),
        (4, "METHODS", "GET · "),
        (5, "PATHS", "/v1/users/:id · "),
    ],
)
async def test_t_goes_round_the_tables(turns: int, title: str, row: str):
    async with console(state(), operator=on(busy())) as seen:
        await at_traffic(seen, *["t"] * turns)
        assert f"▸{title} t next" in seen.text
        assert row in seen.foot


async def test_the_window_is_made_shorter_and_longer_and_says_where_it_ends():
    async with console(state(), operator=on(busy())) as seen:
        await at_traffic(seen, KEYS["["])
        assert "[5m]" in seen.lines[1]
        assert row(seen, "all").split()[1] == "4.9k"
        await seen.press(*[KEYS["["]] * 2)
        assert "1m is the shortest window" in seen.foot
        await seen.press("escape", *[KEYS["]"]] * 4)
        assert "[1d]" in seen.lines[1]
        assert "counted since 07:53:20" in seen.lines[1]
        assert row(seen, "all").split()[2] == "16.0"
        await seen.press(KEYS["]"])
        assert "1d is the longest window" in seen.foot


async def test_new_counts_are_shown_within_a_second_and_not_more_often(monkeypatch: pytest.MonkeyPatch):
    looks: list[float] = []
    monkeypatch.setattr(
        "iamops.tui.traffic.screen.snapshot_of", lambda *args: looks.append(args[-1]) or snapshot_of(*args)
    )
    async with console(state(), operator=on(busy())) as seen:
        await at_traffic(seen)
        for _ in range(5):
            for on_change in seen.cluster.feed.watchers:
                on_change()
            await seen.pilot.pause(0.12)
        assert len(looks) == 1
        seen.cluster.feed.all.add(A, {int(NOW): Traffic(Counter({"503": 4000}))}, NOW)
        await second(seen)
        await seen.until(lambda: row(seen, "iam-a").split()[1] == "14.1k")
        assert len(looks) == 2


async def test_while_paused_the_picture_is_held_and_counting_goes_on():
    async with console(state(), operator=on(busy())) as seen:
        await at_traffic(seen, "p")
        await seen.pilot.pause(0.2)
        assert "held" in seen.lines[1]
        before = seen.lines[2:-2]
        seen.cluster.feed.all.add(A, {int(NOW): Traffic(Counter({"503": 4000}))}, NOW)
        await second(seen)
        assert seen.lines[2:-2] == before
        for keys in ([KEYS["]"]], ["enter"], ["slash"]):
            await seen.press(*keys)
            assert "the screen is paused" in seen.foot
            await seen.press("escape")
        await seen.press("j")
        assert "/v1/authz" in seen.foot
        await seen.press("p")
        await second(seen)
        await seen.until(lambda: row(seen, "iam-a").split()[1] == "14.1k")


async def test_what_clients_send_is_shown_as_text():
    feed = FixedFeed()
    nasty = Traffic(Counter({"200": 9}))
    nasty.paths.update({("/\x1b[2J[bold red]x[/]", "2xx"): 5, ("/\u202eevil\n", "2xx"): 3, (OTHERS, "5xx"): 1})
    nasty.backends["unix:/\x1b]0;t"] = Backend(9)
    nasty.methods[""] = 9
    feed.all.add(A, {int(NOW) - 10: nasty}, NOW)
    async with console(state(), size=(120, 40), operator=on(feed)) as seen:
        await at_traffic(seen)
        assert r"/\x1b[2J[bold red]x[/]" in seen.text
        assert r"/\u202eevil\x0a" in seen.text
        assert r"unix:/\x1b]0;t" in seen.text
        await seen.press("G")
        assert "all paths that are not in the table · 1 requests" in seen.foot
        await seen.press("enter")
        assert "the others have no name" in seen.foot
        await seen.press("escape", *["t"] * 4)
        assert "(none)" in seen.text


async def test_on_other_views_its_keys_say_where_they_work():
    async with console(state()) as seen:
        await seen.press("t")
        assert "press 2 for the Traffic first" in seen.foot


async def test_paging_moves_in_the_table_and_q_goes_back():
    feed = FixedFeed()
    many = Traffic(Counter({"200": 5050}), paths=Counter({(f"/p/x{n}", "2xx"): 100 - n for n in range(100)}))
    feed.all.add(A, {int(NOW) - 10: many}, NOW)
    async with console(state(), operator=on(feed)) as seen:
        await at_traffic(seen, "space")
        assert "/p/x" in seen.foot
        assert "/p/x0 " not in seen.foot
        await seen.press("b")
        assert "/p/x0 " in seen.foot
        assert "share 5xx ─ ↓" in seen.text
        await seen.press("q")
        assert "REQUESTS" in seen.text


def test_nothing_of_it_is_loaded_before_it_is_opened():
    code = (
        "import sys, iamops.tui.app.app, iamops.session.cluster\n"
        "print([name for name in sys.modules if name.startswith('iamops.tui') and 'traffic' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"


def _unread() -> FixedFeed:
    feed = busy()
    feed.unread_because[B] = "no answer within 5 s"
    feed.sums[A] = LogTotals(unparsed=12, left_out=3400, lost=1)
    return feed


PICTURES: dict[str, tuple[Callable[[], FixedFeed], list[str], bool]] = {
    "burst": (busy, ["j"], False),
    "main": (lambda: busy("main"), ["t", "shift+tab"], False),
    "filtered": (_unread, typed(FAILURES), False),
    "no-color": (busy, [KEYS["]"], "t", "t"], True),
}


@SIZES
@pytest.mark.parametrize("name", PICTURES)
def test_traffic(snap_compare: Compare, name: str, size: tuple[int, int]) -> None:
    make, keys, plain = PICTURES[name]
    operator = on(make())
    app = ConsoleApp(operator.cluster, lambda: operator, no_color=plain)

    async def looked_at(pilot: Pilot[None]) -> None:
        await pilot.press("2")
        await pilot.pause(0.3)
        await pilot.press(*keys)
        await pilot.pause(0.3)

    assert snap_compare(app, terminal_size=size, run_before=looked_at)


@pytest.mark.parametrize("nodes", [1, 2, 50])
@pytest.mark.parametrize("width", [20, 60, 80, 120, 200])
@pytest.mark.parametrize("height", [4, 8, 12, 18, 24, 40, 60])
def test_the_parts_never_overlap_nor_leave_the_screen(width: int, height: int, nodes: int):
    places = traffic_places(width, height, nodes, 4)
    for place in places.values():
        assert place.x >= 0
        assert place.width > 0
        assert place.x + place.width <= width
        assert place.height > 0
        assert place.y + place.height <= max(height, 3)
    if height >= 8:
        assert not [pair for pair in combinations(places.values(), 2) if _overlap(*pair)]
        assert "top" in places


def _overlap(one: Region, other: Region) -> bool:
    beside = one.x + one.width <= other.x or other.x + other.width <= one.x
    return not beside and not (one.y + one.height <= other.y or other.y + other.height <= one.y)


def full_slot() -> Traffic:
    """Ten seconds with a hundred paths and clients."""
    found = Traffic(Counter({"200": 300, "502": 300}), latency=Latency(Counter(range(1, 121))))
    found.paths.update({(f"/v1/p/{n}", kind): 3 for n in range(100) for kind in ("2xx", "5xx")})
    found.clients.update({(f"10.0.{n}.1", ""): 6 for n in range(100)})
    found.backends = {f"10.0.4.2{n}:8080": Backend(150, 75, Latency(Counter(range(1, 121)))) for n in range(4)}
    return found


def full_feed() -> FixedFeed:
    feed = FixedFeed()
    for node in (A, B):
        feed.all.add(node, {int(NOW) - 10 * n: full_slot() for n in range(360)}, NOW)
    return feed


async def test_a_second_of_news_is_painted_in_time():
    """About 20 ms on a slow core; the bound is for what would make the console lag behind its keys."""
    async with console(state(), size=(120, 40), operator=on(full_feed())) as seen:
        await at_traffic(seen, KEYS["]"])
        took_ms = []
        for step in range(1, 8):
            for node in (A, B):
                seen.cluster.feed.all.add(node, {int(NOW) + step: full_slot()}, NOW + step)
            moment = replace(seen.app.view.view_state, now=NOW + step)
            started = time.perf_counter()
            seen.app.view.paint(moment)
            took_ms.append((time.perf_counter() - started) * 1000)
        assert "[1h]" in seen.lines[1]
        assert statistics.median(took_ms) < 150
