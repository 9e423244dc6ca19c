"""The Traffic view stays cheap: sums are kept, and a second of news is painted in time."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from dataclasses import replace

from iamops.accesslog.timeseries import TrafficTimeSeries
from iamops.model.traffic import Backend, Latency, Traffic
from iamops.tui.traffic.snapshot import WindowSums
from tests.support.feeds import FixedFeed, slot
from tests.support.scenes import NOW, A, B
from tests.support.screens import console
from tests.support.traffic_view import KEYS, at_traffic, on, state


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
    book, sums = TrafficTimeSeries(), WindowSums()
    for step in range(40):
        now = NOW + step * 37
        late = int(now) - (step * 271) % 3500
        book.add(A, {int(now): slot(90 + step), late: slot(30)}, now)
        for span_s in (60, 900, 3600, 86400):
            assert sums.window(book, span_s, now, A) == book.window(span_s, now, A)
    other = TrafficTimeSeries()
    assert sums.window(other, 900, NOW, A).total == 0


async def test_a_second_of_news_is_painted_in_time():
    """About 20 ms on a slow core; the bound is for what would make the console lag behind its keys."""
    async with console(state(), size=(120, 40), deck=on(full_feed())) as seen:
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
