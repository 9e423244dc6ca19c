"""What the traffic plot shows: whose curves, and what happened meanwhile."""

from __future__ import annotations

import pytest

from iamops.tui.traffic.plot import curves_of
from tests.support.feeds import slot
from tests.support.traffic_view import snapshot, state


def test_many_nodes_have_one_curve_and_few_have_their_own():
    cluster = state()
    assert [name for name, _ in curves_of(snapshot(slot(100), nodes=3), cluster).curves] == [
        "node-0",
        "node-1",
        "node-2",
    ]
    whole = curves_of(snapshot(slot(100), nodes=50), cluster)
    assert [name for name, _ in whole.curves] == ["all nodes"]
    assert whole.top == pytest.approx(50 * slot(100).total / 10)


def test_what_happened_before_the_window_is_not_in_the_plot():
    shown = curves_of(snapshot(slot(100), span="1m"), state())
    assert (shown.moves, shown.actions) == ((), ())
    longer = curves_of(snapshot(slot(100), span="5m"), state())
    assert (longer.moves, longer.actions) == ((-240.0,), (-150.0,))
