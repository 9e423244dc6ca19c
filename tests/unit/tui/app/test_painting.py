"""From event to pixel: which view stands, when it is painted, and what a run of one's own explains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from iamops.model.events import AddressChanged, SafetyReported
from iamops.model.facts import LockHolder, SafetyReport
from iamops.tui.app.painting import SETTLES_S, RepaintScheduler, RunEffects, locked
from iamops.tui.audit import AuditScreen
from iamops.tui.drills.screen import DrillsScreen
from iamops.tui.overview.screen import Overview
from iamops.tui.toolkit.painted import ScreenPart
from tests.support import scenes
from tests.support.drills_view import drill_operator
from tests.support.scenes import NOW, VIP, A, B
from tests.support.screens import console
from tests.support.triage_samples import NO_GRANT, SPLIT

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


async def test_views_stand_beside_each_other_and_never_pile_up():
    async with console(scenes.healthy(), operator=drill_operator()) as seen:
        for key in "474747":
            await seen.press(key)
            view = DrillsScreen if key == "4" else AuditScreen
            await seen.until(lambda view=view: isinstance(seen.app.screen, view))
        assert len(seen.app.screen_stack) == 2
        await seen.press("4")
        await seen.press("4")
        assert "this is the Drills" in seen.foot
        await seen.press("q")
        assert isinstance(seen.app.screen, Overview)


async def test_a_vip_move_reaches_the_screen_by_itself() -> None:
    async with console(scenes.healthy()) as seen:
        seen.cluster.store.apply(AddressChanged(NOW, A, VIP, present=False))
        seen.cluster.store.apply(AddressChanged(NOW, B, VIP, present=True))
        await seen.pilot.pause()
        await seen.pilot.pause(0.05)
        assert f"VIP {VIP} -> iam-b" in seen.lines[0]
        assert f"VIP {VIP} moved iam-a -> iam-b" in seen.text


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


async def test_the_screen_goes_on_behind_a_dialog() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.press("question_mark")
        seen.cluster.store.apply(AddressChanged(NOW, B, VIP, present=True))
        await seen.pilot.pause(0.1)
        await seen.press("escape")
        assert "-> iam-b" in seen.lines[0]


STOPPED = replace(NO_GRANT, code="unit-down", next="iamops start nginx iam-b")


def test_only_what_came_with_the_run_has_no_step_until_it_has_come_to_rest() -> None:
    running = ""
    run = RunEffects(lambda: running)
    assert run.reported((NO_GRANT,), NOW) == (NO_GRANT,)
    running = "drill seed"
    kept, came = run.reported((NO_GRANT, STOPPED), NOW + 1)
    assert (kept, came.next) == (NO_GRANT, "nothing to do: during drill seed")
    running = ""
    assert run.reported((STOPPED,), NOW + 1 + SETTLES_S / 2)[0].next != STOPPED.next
    assert run.reported((STOPPED,), NOW + 1 + SETTLES_S) == (STOPPED,)


def test_a_split_brain_is_never_meant() -> None:
    assert RunEffects(lambda: "switchover").reported((SPLIT,), NOW)[0].next == SPLIT.next


def test_a_drill_from_another_terminal_holds_the_nodes_and_is_named() -> None:
    lock = LockHolder("root@vm", "10.0.4.10", NOW - 1, "drill seed", "abcd1234")
    state = scenes.fed(scenes.healthy(), [SafetyReported(NOW, "iam-b", SafetyReport((), lock))])
    assert locked(state) == "drill seed by root@vm"
    assert locked(scenes.healthy()) == ""
