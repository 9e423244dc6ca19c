"""Who looks when: everybody at full rate while anything happens, together as often as one while all is well."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from itertools import pairwise

from iamops.judge.triage.events import CalmSigns
from iamops.nodes.collect.context import CollectorContext, paced
from iamops.nodes.pace import HTTP, SETTLED_S, STANDING_S, Beat, Pace, Seat, peers_beat
from iamops.parse.host import WatchTurn
from tests.support.profiles import pair

WELL = CalmSigns(frozenset(), ())
ILL = CalmSigns(frozenset({"iam-a iam-apiserver"}), ())
NODE = "iam-a"


@dataclass
class Session:
    """One watcher, with a clock that all of them share."""

    now: float = 1000.0
    hurried: int = 0
    alarms: int = 0

    def __post_init__(self) -> None:
        self.pace = Pace(lambda: self.now, self._hurry, self._alarm)

    def _hurry(self) -> None:
        self.hurried += 1

    def _alarm(self) -> None:
        self.alarms += 1

    def calm(self) -> Session:
        self.pace.judge(WELL)
        self.now += SETTLED_S
        return self


def looks(watchers: int, span_s: float, beat: Beat) -> list[float]:
    """When all of them together look, each having begun somewhere."""
    seen = []
    for rank in range(watchers):
        session = Session().calm()
        session.pace.seat(NODE, WatchTurn(rank, watchers, 77.0))
        session.now += 1.7 * rank
        end, began = session.now + span_s, session.now
        while session.now < end:
            promised = session.pace.period_s(NODE, beat)
            session.now = session.pace.due(NODE, beat, began, promised)
            assert session.now - began <= promised + 0.001
            began = session.now
            seen.append(began)
    return sorted(seen)


def test_all_together_look_as_often_as_one_and_never_at_once():
    for beat in (HTTP, peers_beat(1)):
        for watchers in (1, 2, 3, 7):
            times = [at for at in looks(watchers, 2000, beat) if 1400 < at < 2400]
            assert abs(len(times) - 1000 / (beat.calm_s * beat.share)) <= 1 * watchers, (beat, watchers)
            gaps = [b - a for a, b in pairwise(times)]
            assert min(gaps) >= beat.calm_s * 0.9, (beat, watchers)


def test_a_clock_that_is_read_anew_gives_no_second_turn():
    session = Session().calm()
    session.pace.seat(NODE, WatchTurn(0, 2, session.now))
    session.now += 3.0
    began = session.pace.due(NODE, HTTP, session.now, 20.0)
    session.now = began
    session.pace.seat(NODE, WatchTurn(0, 2, session.now - 0.02))
    assert session.pace.due(NODE, HTTP, began, 20.0) == began + 20.0


def test_no_clock_of_a_node_makes_anybody_look_without_a_pause():
    for uptime_s in (0.0, 1e9, 1e15, 1e18, -1e18):
        session = Session().calm()
        session.pace.seat(NODE, WatchTurn(0, 1, uptime_s))
        for _ in range(50):
            due = session.pace.due(NODE, HTTP, session.now, session.pace.period_s(NODE, HTTP))
            assert session.now + HTTP.calm_s / 10 <= due <= session.now + HTTP.calm_s, uptime_s
            session.now = due


def test_peers_share_what_one_peer_would_ask():
    assert 1 / (peers_beat(9).calm_s * peers_beat(9).share) * 9 == 1 / (peers_beat(1).calm_s * peers_beat(1).share)


def test_whatever_happens_brings_full_rate_at_once_and_others_hear_of_trouble_only():
    session = Session().calm()
    assert session.pace.calm
    session.pace.judge(replace(WELL, facts=("the VIP moved",)))
    assert (session.pace.calm, session.hurried, session.alarms) == (False, 1, 0)
    session.now += SETTLED_S
    assert session.pace.calm
    session.pace.judge(ILL)
    assert (session.pace.calm, session.hurried, session.alarms) == (False, 2, 1)
    assert session.pace.period_s(NODE, HTTP) == HTTP.full_s


def test_trouble_that_stands_is_known_after_a_while_and_its_end_is_news():
    session = Session().calm()
    session.pace.judge(ILL)
    session.now += STANDING_S - 1
    session.pace.judge(ILL)
    assert not session.pace.calm
    session.now += 1
    assert session.pace.calm
    session.pace.judge(WELL)
    assert not session.pace.calm


def test_an_alarm_of_another_watcher_is_looked_into_once():
    session = Session().calm()
    session.pace.seat(NODE, WatchTurn(0, 2, 5.0, alarms=1))
    assert (session.pace.calm, session.hurried) == (False, 1)
    session.now += 60
    session.pace.seat(NODE, WatchTurn(0, 2, 65.0, alarms=1))
    assert (session.pace.calm, session.hurried) == (True, 1)


def test_who_acts_sees_at_full_rate():
    session = Session().calm()
    with session.pace.held_full():
        session.now += 3600
        assert not session.pace.calm
    assert not session.pace.calm
    session.now += 60
    assert session.pace.calm
    session.pace.attend()
    assert (session.pace.calm, session.hurried) == (False, 2)


def test_nothing_is_calm_before_it_was_judged():
    session = Session()
    session.now += 1e6
    assert not session.pace.calm
    assert not Pace.always_full().calm


def test_a_watcher_more_does_not_break_what_was_promised():
    session = Session().calm()
    session.pace.seat(NODE, WatchTurn(0, 1, 0.0))
    began, promised = session.now, session.pace.period_s(NODE, HTTP)
    session.pace.seat(NODE, WatchTurn(4, 5, 0.0))
    assert session.pace.due(NODE, HTTP, began, promised) <= began + promised
    assert Seat(4, 5).period_s(HTTP) == 5 * promised


async def test_a_collector_that_waits_for_its_turn_looks_when_it_is_asked_to():
    session = Session().calm()
    watch = CollectorContext(None, pair(), lambda _event: None, lambda: session.now, pace=session.pace)
    object.__setattr__(watch, "transport", type("T", (), {"node": NODE})())
    promises: list[float] = []
    looked = asyncio.Event()

    async def look(every_s: float) -> None:
        promises.append(every_s)
        looked.set()

    task = asyncio.create_task(paced(watch, HTTP, look, early=watch.health_changed))
    await looked.wait()
    looked.clear()
    session.pace.attend()
    watch.probe_again()
    async with asyncio.timeout(5):
        await looked.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert promises == [HTTP.calm_s, HTTP.full_s]
