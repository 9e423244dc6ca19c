"""Goes to the Traffic view in a test, and reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from iamops.accesslog.aggregate import TimeSeriesPoint
from iamops.model.events import Noticed, RequestsCounted
from iamops.model.facts import RequestCount, Severity
from iamops.model.state import ClusterState, VipMove
from iamops.model.traffic import Traffic
from iamops.tui.traffic.snapshot import NodeTraffic, TrafficSnapshot
from tests.support import scenes
from tests.support.feeds import FixedFeed
from tests.support.operators import FixedOperator
from tests.support.scenes import NOW, A, B, FixedCluster, fed
from tests.support.screens import Watched

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


def on(feed: FixedFeed) -> FixedOperator:
    cluster = FixedCluster(state())
    cluster.feed = feed
    return FixedOperator(cluster)


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


def snapshot(traffic: Traffic, *, nodes: int = 1, form: str = "iamops", span: str = "15m") -> TrafficSnapshot:
    names = [f"node-{n}" for n in range(nodes)]
    points = (TimeSeriesPoint(int(NOW) - 20, 10, traffic.total, traffic.classes),)
    seen = tuple(NodeTraffic(name, traffic, points) for name in names)
    return TrafficSnapshot(span, NOW, NOW - 900, FixedFeed(form).form, "", seen, traffic)
