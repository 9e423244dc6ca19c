"""The Traffic view: windows, tables, the filter expression, what is not known, and that it stays cheap."""

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
from textual.pilot import Pilot

from console.model.events import Noticed, RequestsCounted
from console.model.facts import RequestCount, Severity
from console.model.state import ClusterState, VipMove
from console.model.traffic import OTHERS, Backend, Latency, LogTotals, Traffic
from console.parse.log_format import Field
from console.parse.log_where import escaped, where
from console.parse.log_words import pattern_of
from console.store.traffic_book import Point, TrafficBook
from console.tui.app import ConsoleApp
from console.tui.view.layout import Place
from console.tui.view.tone import text_of
from console.tui.view.traffic import NodeTraffic, Sight, sight_of
from console.tui.view.traffic_layout import traffic_places
from console.tui.view.traffic_nodes import class_bar, node_table, story
from console.tui.view.traffic_pick import added, term_of
from console.tui.view.traffic_plot import curves_of, ticks
from console.tui.view.traffic_sums import WindowSums
from console.tui.view.traffic_tables import Top, backend_table, top_rows, top_table
from tests.unit.tui import scenes
from tests.unit.tui.decks import FixedDeck
from tests.unit.tui.feeds import API, FixedFeed, busy, slot
from tests.unit.tui.scenes import NOW, A, B, FixedCluster, fed
from tests.unit.tui.screens import Watched, console

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
KEYS = {
    " ": "space",
    "/": "slash",
    ":": "colon",
    ">": "greater_than_sign",
    "=": "equals_sign",
    "~": "tilde",
    "^": "circumflex_accent",
    ".": "full_stop",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
}
FAILURES = "status>=500 path~^/v1/"
Compare = Callable[..., bool]


def state() -> ClusterState:
    """The VIP went to iam-b four minutes ago, and somebody restarted nginx since."""
    moved = replace(scenes.healthy(), moves=(VipMove(NOW - 240, "VI_1", A, B),))
    return fed(moved, [Noticed(NOW - 150, None, Severity.INFO, "restart nginx on iam-a: done")])


def on(feed: FixedFeed) -> FixedDeck:
    cluster = FixedCluster(state())
    cluster.feed = feed
    return FixedDeck(cluster)


async def at_traffic(seen: Watched, *keys: str) -> None:
    await seen.press("2")
    await seen.pilot.pause(0.3)
    await seen.press(*keys)


def typed(text: str) -> list[str]:
    return ["slash", *(KEYS.get(each, each) for each in text), "enter"]


async def second(seen: Watched) -> None:
    """The next second, and the news that come with it."""
    seen.cluster.time += 1
    seen.cluster.store.apply(RequestsCounted(seen.cluster.time, A, RequestCount(1, {})))
    await seen.pilot.pause(0.3)


def row(seen: Watched, name: str) -> str:
    return next(line for line in seen.lines if line[1:].startswith(name))


# --- what is shown ---


@SIZES
async def test_nodes_backends_and_paths_are_shown_with_their_failures(size: tuple[int, int]):
    async with console(state(), size=size, deck=on(busy())) as seen:
        await at_traffic(seen)
        assert "1m  5m [15m] 1h  1d" in seen.lines[1]
        assert row(seen, "all").split()[1:6] == ["14.7k", "16.3", "13.6k", "477", "308"]
        assert row(seen, "iam-a").split()[1] == "10.1k"
        assert row(seen, "iam-b").split()[6] == "0"
        assert "✗303" in next(line for line in seen.lines if "10.0.4.20:8080" in line)
        assert "▲3.2%" in row(seen, "/v1/users/:id")
        assert "182 of them 5xx (3.2%)" in seen.foot


@SIZES
async def test_the_plot_has_both_nodes_the_failures_and_what_happened(size: tuple[int, int]):
    async with console(state(), size=size, deck=on(busy())) as seen:
        await at_traffic(seen)
        assert "▄ iam-a  ⠶ iam-b  × 5xx, top 4.7/s  │ VIP move  ┊ action" in seen.lines[2]
        plot = "\n".join(seen.lines[3:13])
        assert all(sign in plot for sign in "▄⠤×│┊") or all(sign in plot for sign in "▄⠒×│┊")
        assert "-15m" in plot
        assert "now" in plot


async def test_two_tables_are_shown_where_there_is_room_and_t_turns_both():
    async with console(state(), size=(120, 40), deck=on(busy())) as seen:
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
    async with console(state(), deck=on(busy())) as seen:
        await at_traffic(seen, *["t"] * turns)
        assert f"▸{title} t next" in seen.text
        assert row in seen.foot


async def test_the_window_is_made_shorter_and_longer_and_says_where_it_ends():
    async with console(state(), deck=on(busy())) as seen:
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
        "console.tui.screens.traffic.sight_of", lambda *args: looks.append(args[-1]) or sight_of(*args)
    )
    async with console(state(), deck=on(busy())) as seen:
        await at_traffic(seen)
        for _ in range(5):
            seen.cluster.store.apply(RequestsCounted(NOW, A, RequestCount(1, {})))
            await seen.pilot.pause(0.12)
        assert len(looks) == 1
        seen.cluster.feed.all.add(A, {int(NOW): Traffic(Counter({"503": 4000}))}, NOW)
        await second(seen)
        assert len(looks) == 2
        assert row(seen, "iam-a").split()[1] == "14.1k"


# --- pause ---


async def test_while_paused_the_picture_is_held_and_counting_goes_on():
    async with console(state(), deck=on(busy())) as seen:
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
        assert row(seen, "iam-a").split()[1] == "14.1k"


# --- the filter ---


async def test_the_filter_is_counted_with_when_it_is_complete():
    async with console(state(), deck=on(busy())) as seen:
        await at_traffic(seen, *typed(FAILURES)[:-1])
        assert seen.cluster.feed.filters == []
        await seen.press("enter")
        await seen.pilot.pause(0.2)
        assert seen.cluster.feed.filters == [FAILURES]
        assert f"/{FAILURES}" in seen.lines[1]
        assert row(seen, "all").split()[1] == "265"
        await seen.press("escape")
        await seen.pilot.pause(0.2)
        assert seen.cluster.feed.where == ""
        assert row(seen, "all").split()[1] == "14.7k"


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("stauts>=500", "'stauts>=500': no field 'stauts'; did you mean 'status'?"),
        ("nonsense", "'nonsense' is no comparison"),
        ("status>many", "'many' is no number"),
    ],
)
async def test_an_expression_that_says_nothing_is_told_and_the_old_filter_stays(expression: str, sentence: str):
    async with console(state(), deck=on(busy())) as seen:
        await at_traffic(seen, *typed(FAILURES), "slash", "ctrl+u", *typed(expression)[1:])
        await seen.pilot.pause(0.2)
        assert sentence in seen.foot
        assert seen.cluster.feed.filters == [FAILURES]
        assert f"/{FAILURES}" in seen.lines[1]


async def test_what_no_line_tells_cannot_be_asked_for():
    async with console(state(), deck=on(busy("main"))) as seen:
        await at_traffic(seen, *typed("host=a"))
        await seen.pilot.pause(0.2)
        assert "the log format has no host ($host); `logs.format: iamops` has" in seen.foot
        assert seen.cluster.feed.filters == []


async def test_escape_while_typing_keeps_the_filter_that_was_there():
    async with console(state(), deck=on(busy())) as seen:
        await at_traffic(seen, *typed("status=502"), "slash", "x", "escape")
        assert seen.cluster.feed.where == "status=502"


@pytest.mark.parametrize(
    ("keys", "expression"),
    [
        (["enter"], "path~^/v1/users/[^/]+$"),
        (["j", "enter"], "path=/v1/authz"),
        (["t", "enter"], f"host={API}"),
        (["t", "t", "j", "j", "enter"], "status=502"),
        (["t", "t", "t", "enter"], "client=10.0.4.1"),
        (["t", "t", "t", "t", "enter"], "method=GET"),
        (["tab", "enter"], "backend=10.0.4.20:8080"),
        (["shift+tab", "j", "enter"], "node=iam-a"),
        ([*typed("status=502"), "enter"], "status=502 path~^/v1/users/[^/]+$"),
    ],
)
async def test_enter_asks_for_what_is_under_the_cursor(keys: list[str], expression: str):
    async with console(state(), deck=on(busy())) as seen:
        await at_traffic(seen)
        for key in keys:
            await seen.press(key)
        await seen.pilot.pause(0.2)
        assert seen.cluster.feed.where == expression


async def test_a_line_that_is_no_row_says_why_it_cannot_be_asked_for():
    async with console(state(), deck=on(busy("main"))) as seen:
        await at_traffic(seen, "shift+tab", "enter")
        assert "all nodes: nothing to leave out" in seen.foot
        await seen.press("escape", "tab", "tab", "enter")
        assert "the log format has no backend ($upstream_addr)" in seen.foot
        assert seen.cluster.feed.filters == []


@pytest.mark.parametrize(
    "path",
    [
        "/v1/users/42",
        "/v1/users/42/secrets/0123abcd-77",
        "/a.b+c(d)[e]{f}|g$h^i*j\\k",
        "/with blank",
        "/with\"both'quotes",
        "/it's",
        '/say"so',
        "/日本",
        "/\x1b[31mred\n",
        "/" + "x" * 400,
        "",
    ],
)
def test_every_row_becomes_a_term_that_finds_its_own_requests(path: str):
    term = term_of("path", pattern_of(path))
    assert term is not None
    made = where(added("status=200", term))
    assert made.matches({Field.STATUS: "200", Field.PATH: escaped(path)})
    assert not made.matches({Field.STATUS: "200", Field.PATH: "/something/else"})
    assert made.awk(lambda field: str(field.name))
    assert term.isprintable()


def test_the_others_are_not_one_row_and_a_term_is_added_once():
    assert term_of("path", OTHERS) is None
    assert added("status=502", "status=502") == "status=502"


# --- what is not known ---


async def test_what_the_format_does_not_tell_is_said_in_words_and_is_no_number():
    async with console(state(), deck=on(busy("main"))) as seen:
        await at_traffic(seen, "shift+tab")
        assert "? no $request_time" in row(seen, "iam-a")
        assert "the log format has no request time ($request_time); `logs.format: iamops` has" in seen.foot
        assert "? the format has no $upstream_addr" in seen.text
        await seen.press("tab", "t")
        assert "? the format has no $host" in seen.text
        assert "`logs.format: iamops` has" in seen.foot


async def test_a_node_that_is_not_read_has_no_numbers_and_the_sum_says_so():
    feed = busy()
    feed.all.forget(B)
    feed.unread_because[B] = "no answer within 5 s"
    async with console(state(), deck=on(feed)) as seen:
        await at_traffic(seen, "shift+tab")
        assert "▲ iam-b not read: no answer within 5 s" in seen.lines[1]
        assert "▲iam-b  ? not read: no answer within 5 s" in seen.text
        assert "▲all" in seen.text
        assert "all nodes · without iam-b" in seen.foot


async def test_lines_that_are_not_counted_are_told():
    feed = busy()
    feed.sums = {A: LogTotals(0, 12, 3400, 1), B: LogTotals(left_out=1)}
    async with console(state(), size=(120, 40), deck=on(feed)) as seen:
        await at_traffic(seen, "shift+tab", "j")
        assert "▲ unparsed 12 lines · ▲ lost lines once · left out 3.4k lines" in seen.lines[1]
        assert "iam-a: 12 lines unparsed · lost lines once · 3400 left out by the filter" in seen.foot


async def test_before_anything_was_read_nothing_is_zero():
    async with console(state(), deck=on(FixedFeed())) as seen:
        await at_traffic(seen)
        assert "? nothing read yet" in row(seen, "iam-a")
        assert "? nothing read yet" in row(seen, "all")
        assert "nothing counted yet" in seen.text


async def test_a_node_that_the_filter_leaves_out_says_so():
    feed = busy()
    async with console(state(), deck=on(feed)) as seen:
        await at_traffic(seen, *typed("node=iam-a"))
        await seen.pilot.pause(0.2)
        assert "? left out by the filter" in row(seen, "iam-b")


def test_after_it_was_lost_sight_of_a_node_has_no_points():
    feed = FixedFeed()
    feed.all.add(A, {int(NOW) - 300: slot(100)}, NOW)
    feed.unread_because[A] = "not connected"
    sight = sight_of(feed, WindowSums(), (A,), "15m", NOW)
    assert sight.nodes[0].points[-1].at == int(NOW) - 300
    assert sight.nodes[0].traffic.total > 0


# --- hostile text ---


async def test_what_clients_send_is_shown_as_text():
    feed = FixedFeed()
    nasty = Traffic(Counter({"200": 9}))
    nasty.paths.update({("/\x1b[2J[bold red]x[/]", "2xx"): 5, ("/\u202eevil\n", "2xx"): 3, (OTHERS, "5xx"): 1})
    nasty.backends["unix:/\x1b]0;t"] = Backend(9)
    nasty.methods[""] = 9
    feed.all.add(A, {int(NOW) - 10: nasty}, NOW)
    async with console(state(), size=(120, 40), deck=on(feed)) as seen:
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


# --- the view among the others ---


async def test_on_other_views_its_keys_say_where_they_work():
    async with console(state()) as seen:
        await seen.press("t")
        assert "press 2 for the Traffic first" in seen.foot


async def test_paging_moves_in_the_table_and_q_goes_back():
    feed = FixedFeed()
    many = Traffic(Counter({"200": 5050}), paths=Counter({(f"/p/x{n}", "2xx"): 100 - n for n in range(100)}))
    feed.all.add(A, {int(NOW) - 10: many}, NOW)
    async with console(state(), deck=on(feed)) as seen:
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
        "import sys, console.tui.app, console.session.cluster\n"
        "print([name for name in sys.modules if name.startswith('console.tui') and 'traffic' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"


# --- the parts by themselves ---


def sight(traffic: Traffic, *, nodes: int = 1, form: str = "iamops", span: str = "15m") -> Sight:
    names = [f"node-{n}" for n in range(nodes)]
    points = (Point(int(NOW) - 20, 10, traffic.total, traffic.classes),)
    seen = tuple(NodeTraffic(name, traffic, points) for name in names)
    return Sight(span, NOW, NOW - 900, FixedFeed(form).form, "", seen, traffic)


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 120, 200])
def test_the_node_table_keeps_within_its_width_and_the_name_stays(width: int):
    drawn = node_table(sight(slot(5000)), width)
    assert all(len(text_of(each.line)) <= width for each in drawn.rows)
    assert all(text_of(each.line).strip() for each in drawn.rows)


def test_every_class_has_a_cell_in_the_bar_however_small_its_share():
    bar = class_bar(Traffic(Counter({"200": 100_000, "302": 1, "404": 1, "502": 1})), 30)
    assert text_of(bar) == "▒" * 27 + "░▓█"
    assert class_bar(Traffic(), 30) == ()


def test_the_story_names_every_class_and_the_times():
    said = story(sight(slot(600)), slot(600))
    assert "5xx 0 (0%)" in said
    assert "clients gone (499)" in said
    assert "p99" in said


def test_many_nodes_have_one_curve_and_few_have_their_own():
    cluster = state()
    assert [name for name, _ in curves_of(sight(slot(100), nodes=3), cluster).curves] == [
        "node-0",
        "node-1",
        "node-2",
    ]
    whole = curves_of(sight(slot(100), nodes=50), cluster)
    assert [name for name, _ in whole.curves] == ["all nodes"]
    assert whole.top == pytest.approx(50 * slot(100).total / 10)


def test_what_happened_before_the_window_is_not_in_the_plot():
    shown = curves_of(sight(slot(100), span="1m"), state())
    assert (shown.moves, shown.deeds) == ((), ())
    longer = curves_of(sight(slot(100), span="5m"), state())
    assert (longer.moves, longer.deeds) == ((-240.0,), (-150.0,))


@pytest.mark.parametrize(
    ("length_s", "first", "number"), [(60, "-1m", 5), (300, "-5m", 6), (3600, "-60m", 7), (86400, "-24h", 7)]
)
def test_the_axis_of_time_has_round_places(length_s: float, first: str, number: int):
    places, words = ticks(length_s)
    assert (words[0], words[-1], len(places)) == (first, "now", number)


def test_a_backend_is_named_as_the_profile_calls_it_and_partial_formats_are_told():
    traffic = Traffic(backends={"10.0.4.20:8080": Backend(8, 1, Latency(Counter({12: 8}))), "-x": Backend(1)})
    found = backend_table(sight(traffic), state().profile, 46)
    assert found.rows[1].cells[0].detail == (
        "10.0.4.20:8080 (iam-apiserver on iam-a) · 8 requests, 89% · 1 failed · p99 12 ms"
    )
    partial = sight(traffic)
    form = replace(partial.form, fields={Field.STATUS: "status", Field.UPSTREAM: "upstream_addr"})
    told = backend_table(replace(partial, form=form), state().profile, 46)
    assert text_of(told.rows[1].line).split()[-2:] == ["?", "?"]
    assert "no backend's status" in told.rows[1].cells[0].detail


def test_statuses_have_no_share_of_failures_and_empty_tables_say_so():
    found = top_rows(Top.STATUSES, slot(600))
    assert [heading.text for _, heading in top_table(sight(slot(600)), found, 60).overlays] == ["reqs", "share"]
    empty = top_table(sight(Traffic()), top_rows(Top.PATHS, Traffic()), 60)
    assert "no requests in this window" in text_of(empty.rows[0].line)


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


def _overlap(one: Place, other: Place) -> bool:
    beside = one.x + one.width <= other.x or other.x + other.width <= one.x
    return not beside and not (one.y + one.height <= other.y or other.y + other.height <= one.y)


# --- cheap ---


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


def test_sums_are_those_of_the_book_whatever_comes_late():
    book, sums = TrafficBook(), WindowSums()
    for step in range(40):
        now = NOW + step * 37
        late = int(now) - (step * 271) % 3500
        book.add(A, {int(now): slot(90 + step), late: slot(30)}, now)
        for span_s in (60, 900, 3600, 86400):
            assert sums.window(book, span_s, now, A) == book.window(span_s, now, A)
    other = TrafficBook()
    assert sums.window(other, 900, NOW, A).total == 0


async def test_a_second_of_news_is_painted_in_time():
    """About 20 ms on a slow core; the bound is for what would make the console lag behind its keys."""
    async with console(state(), size=(120, 40), deck=on(full_feed())) as seen:
        await at_traffic(seen, KEYS["]"])
        took_ms = []
        for step in range(1, 8):
            for node in (A, B):
                seen.cluster.feed.all.add(node, {int(NOW) + step: full_slot()}, NOW + step)
            moment = replace(seen.app.view.moment, now=NOW + step)
            started = time.perf_counter()
            seen.app.view.paint(moment)
            took_ms.append((time.perf_counter() - started) * 1000)
        assert "[1h]" in seen.lines[1]
        assert statistics.median(took_ms) < 150


# --- pictures ---


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
    deck = on(make())
    app = ConsoleApp(deck.cluster, lambda: deck, no_color=plain)

    async def looked_at(pilot: Pilot[None]) -> None:
        await pilot.press("2")
        await pilot.pause(0.3)
        await pilot.press(*keys)
        await pilot.pause(0.3)

    assert snap_compare(app, terminal_size=size, run_before=looked_at)
