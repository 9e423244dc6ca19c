"""What a watch remembers: a restart repeats nothing, forgets nothing, and refuses what is no memory."""

from __future__ import annotations

import pytest

from iamops.judge.alerts.memory import recalled, remembered
from iamops.judge.alerts.state import Alerts
from tests.unit.judge.watching import DOWN, QUIET, T0, VIPS, Seen, restarted


def test_a_restart_repeats_nothing_and_resolves_what_is_over():
    seen = Seen()
    seen.pass_time(10, DOWN)
    seen.take()
    again = restarted(seen)
    again.pass_time(60, DOWN)
    assert again.take() == []
    once_more = restarted(again)
    once_more.pass_time(11)
    assert once_more.take() == ["[RESOLVED] lab: iam-pump is inactive on iam-a"]


def test_after_a_restart_nothing_is_resolved_before_its_node_was_seen():
    seen = Seen()
    seen.pass_time(10, DOWN)
    again = restarted(seen)
    again.pass_time(60, unseen=frozenset({"iam-a"}))
    assert again.take() == []


def test_a_restart_within_a_silence_still_tells_its_end():
    seen = Seen()
    seen.pass_time(5, silence=QUIET)
    seen.move("iam-a", "iam-b")
    again = restarted(seen)
    again.pass_time(1, owners={"VI_1": "iam-b"}, silence=None)
    assert again.take() == ["[WARNING] lab: the silence is over; 1 VIP move and 0 findings were held back"]


def test_a_restart_does_not_forget_that_it_was_flapping():
    seen = Seen()
    for number in range(10):
        seen.move(*(("iam-a", "iam-b") if number % 2 == 0 else ("iam-b", "iam-a")))
        seen.pass_time(1)
    seen.take()
    again = restarted(seen, 2)
    again.move("iam-a", "iam-b")
    assert again.take() == []


def test_a_clock_that_was_set_back_meanwhile_holds_no_alert_back():
    """A machine that boots with next year's date, and is told the right one later."""
    seen = Seen()
    for _ in range(4):
        seen.pass_time(10, DOWN)
        seen.pass_time(11)
    assert remembered(seen.alerts)["dampers"], "it flaps"
    again = restarted(seen)
    again.alerts = recalled(again.alerts, remembered(seen.alerts), T0 - 31_536_000)
    again.now = T0 - 31_536_000
    again.pass_time(10, DOWN)
    assert all(case.first <= again.now for case in again.alerts.cases.values())
    again.pass_time(1000, DOWN)
    assert not any(damper.flapping for damper in again.alerts.dampers.values())
    assert any("iam-pump" in said for said in again.take())


def test_looking_again_changes_nothing_that_is_kept():
    seen = Seen()
    seen.pass_time(10, DOWN, owners={"VI_1": "iam-a"})
    before = remembered(seen.alerts)
    seen.pass_time(5, DOWN)
    assert remembered(seen.alerts) == before


@pytest.mark.parametrize("raw", [{}, {"cases": 1}, {"cases": [{}], "vips": {}, "dampers": [], "hush": None}])
def test_what_is_no_memory_is_refused(raw):
    with pytest.raises((KeyError, TypeError, ValueError)):
        recalled(Alerts("lab", VIPS), raw, T0)
