"""A short, honest slice of `make bench`: the same measurements against the same goals, with fewer runs."""

from __future__ import annotations

from tests.bench.figures import percentile
from tests.bench.flips import console_flips
from tests.bench.idle import idle
from tests.bench.startup import first_frame_s, help_s, status_s


def test_help_answers_within_150_ms(lab):
    assert percentile(help_s(5), 0.5) < 0.150


def test_a_cold_status_takes_less_than_0_8_s(lab):
    assert percentile(status_s(3), 0.5) < 0.8


def test_the_first_live_frame_is_there_within_1_s(lab):
    _, live = first_frame_s(3)
    assert percentile(live, 0.5) < 1.0


def test_an_idle_console_costs_under_3_percent_of_a_core_and_130_mb(lab):
    seen = idle(10)
    assert seen.console_pct < 3.0
    assert seen.console_mb < 130


def test_a_vip_move_reaches_store_and_screen_in_time(lab):
    to_store, to_screen = console_flips(5)
    assert max(to_store) < 10
    assert max(to_screen) < 50
