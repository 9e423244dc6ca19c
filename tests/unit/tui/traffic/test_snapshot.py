"""What the Traffic view shows at one time: sums, and what is not known."""

from __future__ import annotations

from iamops.accesslog.aggregate import TrafficTimeSeries
from iamops.model.traffic import LogTotals
from iamops.tui.traffic.snapshot import WindowSums, snapshot_of
from tests.support.feeds import FixedFeed, busy, slot
from tests.support.scenes import NOW, A, B
from tests.support.screens import console
from tests.support.traffic_view import at_traffic, on, row, state, typed


def test_sums_are_those_of_the_book_whatever_comes_late():
    book, sums = TrafficTimeSeries(), WindowSums()
    for step in range(40):
        now = NOW + step * 37
        late = int(now) - (step * 271) % 3500
        book.add(A, {int(now): slot(90 + step), late: slot(30)}, now)
        for span_s in (60, 900, 3600, 86400):
            assert sums.window(book, span_s, now, A) == book.window(span_s, now, A)
    other = TrafficTimeSeries()
    assert sums.window(other, 900, NOW, A).total == 0


async def test_what_the_format_does_not_tell_is_said_in_words_and_is_no_number():
    async with console(state(), operator=on(busy("main"))) as seen:
        await at_traffic(seen, "shift+tab")
        assert "? no $request_time" in row(seen, "iam-a")
        assert "the log format has no request time ($request_time); `logs.format: iamops` has" in seen.foot
        assert "? the format has no $upstream_addr" in seen.text
        await seen.press("tab", "t")
        assert "? the format has no $host" in seen.text
        assert "`logs.format: iamops` has" in seen.foot


async def test_a_node_that_is_not_read_has_no_numbers_and_the_sum_says_so():
    feed = busy(nodes=(A,))
    feed.unread_because[B] = "no answer within 5 s"
    async with console(state(), operator=on(feed)) as seen:
        await at_traffic(seen, "shift+tab")
        assert "▲ iam-b not read: no answer within 5 s" in seen.lines[1]
        assert "▲iam-b  ? not read: no answer within 5 s" in seen.text
        assert "▲all" in seen.text
        assert "all nodes · without iam-b" in seen.foot


async def test_lines_that_are_not_counted_are_told():
    feed = busy()
    feed.sums = {A: LogTotals(0, 12, 3400, 1), B: LogTotals(left_out=1)}
    async with console(state(), size=(120, 40), operator=on(feed)) as seen:
        await at_traffic(seen, "shift+tab", "j")
        assert "▲ unparsed 12 lines · ▲ lost lines once · left out 3.4k lines" in seen.lines[1]
        assert "iam-a: 12 lines unparsed · lost lines once · 3400 left out by the filter" in seen.foot


async def test_before_anything_was_read_nothing_is_zero():
    async with console(state(), operator=on(FixedFeed())) as seen:
        await at_traffic(seen)
        assert "? nothing read yet" in row(seen, "iam-a")
        assert "? nothing read yet" in row(seen, "all")
        assert "nothing counted yet" in seen.text


async def test_a_node_that_the_filter_leaves_out_says_so():
    feed = busy()
    async with console(state(), operator=on(feed)) as seen:
        await at_traffic(seen, *typed("node=iam-a"))
        await seen.pilot.pause(0.2)
        assert "? left out by the filter" in row(seen, "iam-b")


def test_after_it_was_lost_sight_of_a_node_has_no_points():
    feed = FixedFeed()
    feed.all.add(A, {int(NOW) - 300: slot(100)}, NOW)
    feed.unread_because[A] = "not connected"
    snapshot = snapshot_of(feed, WindowSums(), (A,), "15m", NOW)
    assert snapshot.nodes[0].points[-1].at == int(NOW) - 300
    assert snapshot.nodes[0].traffic.total > 0
