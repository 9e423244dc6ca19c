"""When to paint."""

from __future__ import annotations

from collections.abc import Callable

from iamops.model.events import AddressChanged, HostReported, HttpProbed, LinkChanged, RequestsCounted, Target
from iamops.model.facts import HostReport, Link, RequestCount
from iamops.tui.app.painting import RepaintScheduler
from iamops.tui.toolkit.frame_state import ALL, ScreenPart, touched, urgent
from tests.support.scenes import NOW, VIP, A, ok

ONE = frozenset({ScreenPart.SERVICES})
OTHER = frozenset({ScreenPart.HEADER})


class Loop:
    """A loop whose time only moves when a test says so."""

    def __init__(self) -> None:
        self.time = 100.0
        self.calls: list[tuple[float, Callable[[], None]]] = []
        self.painted: list[tuple[float, frozenset[ScreenPart]]] = []
        self.frames = RepaintScheduler(
            lambda parts: self.painted.append((self.time, parts)), self.later, lambda: self.time
        )

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        self.calls.append((self.time + delay_s, call))

    def run_until(self, until: float) -> None:
        while due := sorted((c for c in self.calls if c[0] <= until), key=lambda c: c[0]):
            self.calls.remove(due[0])
            self.time = due[0][0]
            due[0][1]()
        self.time = until


def test_the_first_event_after_a_silence_is_painted_at_once() -> None:
    loop = Loop()
    loop.frames.mark(ONE, urgent=False)
    loop.run_until(100.0)
    assert loop.painted == [(100.0, ONE)]


def test_a_storm_is_painted_every_16_ms() -> None:
    loop = Loop()
    for step in range(100):
        loop.run_until(100.0 + step / 1000)
        loop.frames.mark(ONE, urgent=True)
    loop.run_until(101.0)
    gaps = [b[0] - a[0] for a, b in zip(loop.painted, loop.painted[1:], strict=False)]
    assert len(loop.painted) <= 8
    assert min(gaps) > 0.0159


def test_routine_news_waits_for_a_calm_frame() -> None:
    loop = Loop()
    loop.frames.mark(ONE, urgent=False)
    loop.run_until(100.01)
    loop.frames.mark(OTHER, urgent=False)
    loop.run_until(100.24)
    assert len(loop.painted) == 1
    loop.run_until(100.3)
    assert loop.painted[1] == (100.25, OTHER)


def test_an_urgent_event_does_not_wait_for_the_calm_frame_and_takes_it_along() -> None:
    loop = Loop()
    loop.frames.mark(ONE, urgent=False)
    loop.run_until(100.01)
    loop.frames.mark(ONE, urgent=False)
    loop.frames.mark(OTHER, urgent=True)
    loop.run_until(101.0)
    assert [round(at, 3) for at, _ in loop.painted] == [100.0, 100.016]
    assert loop.painted[1][1] == ONE | OTHER


def test_an_event_touches_what_shows_it() -> None:
    move = AddressChanged(NOW, A, VIP, present=True)
    assert ScreenPart.HEADER in touched(move)
    assert ScreenPart.SERVICES not in touched(move)
    assert touched(HttpProbed(NOW, A, A, Target.DOMAIN, "x", ok())) == {ScreenPart.SERVICES}
    assert touched(RequestsCounted(NOW, A, RequestCount(1))) == {
        ScreenPart.REQUESTS,
        ScreenPart.PLOT,
        ScreenPart.TRAFFIC,
    }
    assert touched(LinkChanged(NOW, A, Link())) == ALL - {ScreenPart.PLOT}


def test_a_vip_change_is_urgent_and_a_load_average_is_not() -> None:
    assert urgent(AddressChanged(NOW, A, VIP, present=True))
    assert not urgent(HostReported(NOW, A, HostReport()))


def test_what_is_marked_while_a_frame_is_painted_makes_one_frame_more() -> None:
    """The rules ask for a later frame while one is painted; urgent news in between left a timer each time."""
    loop = Loop()
    paint = loop.frames._paint

    def painted(parts: frozenset[ScreenPart]) -> None:
        paint(parts)
        loop.frames.mark(ONE, urgent=False)

    loop.frames._paint = painted
    for step in range(20):
        loop.frames.mark(OTHER, urgent=True)
        loop.run_until(100.0 + step * 0.1)
    before, waiting = len(loop.painted), len(loop.calls)
    loop.run_until(103.0)
    assert len(loop.painted) - before <= 5
    assert waiting <= 4, waiting
