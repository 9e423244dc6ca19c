"""A short, honest slice of `make bench`: the same measurements against the same goals, with fewer runs.

What is bound by the CPU may take as much longer as a program of fixed work does just then: see `yardstick`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.bench.figures import percentile
from tests.bench.flips import console_flips
from tests.bench.idle import idle
from tests.bench.startup import first_frame_s, help_s, status_s
from tests.bench.traffic import followed
from tests.bench.yardstick import slowness, slowness_beside

pytestmark = pytest.mark.alone


def soon_enough(
    measure: Callable[[], list[float]], goal_s: float, slower: Callable[[], float] = slowness_beside
) -> None:
    """The best of three: a shared machine is slow for some seconds, and what measures it may miss just those."""
    seen = []
    for _ in range(3):
        seen.append((round(percentile(measure(), 0.5), 3), round(goal_s * slower(), 3)))
        if seen[-1][0] < seen[-1][1]:
            return
    pytest.fail(f"medians and what they may be, in seconds: {seen}")


def test_help_answers_within_150_ms(lab):
    soon_enough(lambda: help_s(5), 0.150, slowness)


def test_a_cold_status_takes_less_than_0_8_s(lab):
    soon_enough(lambda: status_s(5), 0.8)


def test_the_first_live_frame_is_there_within_1_s(lab):
    soon_enough(lambda: first_frame_s(5)[1], 1.0)


# Measured with a console at 3.3 % of a core beside a control at 1.0 %, where another machine has 2.3 % of it.
MOST_CONTROLS = 4.0


def test_an_idle_console_costs_no_more_than_four_controls_and_130_mb(lab):
    """The best of three: what a wake-up costs is the machine's. The 3 % of a core are told by `make bench`."""
    seen = [idle(10)]
    while seen[-1].controls >= MOST_CONTROLS and len(seen) < 3:
        seen.append(idle(10))
    assert seen[-1].controls < MOST_CONTROLS, seen
    assert max(each.console_mb for each in seen) < 130


def test_a_vip_move_reaches_store_and_screen_in_time(lab):
    """The best of three times five moves: on a machine that does other things, a process may have to wait its turn
    for longer than a move takes. How long the slowest of fifty takes is told by `make bench`.
    """
    rounds = []
    for _ in range(3):
        rounds.append([percentile(times, 0.5) for times in console_flips(5)])
        to_store, to_screen = rounds[-1]
        if to_store < 10 and to_screen < 50:
            return
    pytest.fail(f"medians in ms to store and to screen: {rounds}")


def test_twenty_thousand_lines_a_second_are_counted_without_loss(lab):
    """What it costs the node depends on the machine more than a test may; `make bench` tells."""
    counted, written, ours_pct, _ = asyncio.run(followed(20_000, 8))
    assert counted == written == 160_000
    assert ours_pct <= 10 * slowness()
