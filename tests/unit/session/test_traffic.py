"""The feed of the console: everything in one book, and what a filter lets through in another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from iamops.accesslog.filter import WhereError
from iamops.nodes.logs import counter
from iamops.session import traffic
from iamops.session.traffic import TrafficFeed
from tests.support.local_transport import LocalTransport
from tests.support.profiles import pair


def line(path: str = "/", status: int = 200) -> bytes:
    at = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(time.time() - 30))
    return f'10.0.4.1 - - [{at}] "GET {path} HTTP/1.1" {status} 5 "-" "-" "-"\n'.encode()


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(counter, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(counter, "LOOK_SELDOM_S", 0.01)
    monkeypatch.setattr(traffic, "RETRY_S", 0.01)
    return tmp_path / "access.log"


def feed(log: Path) -> TrafficFeed:
    profile = pair(logs={"access": str(log), "format": "main"}, services={}, datastores={})
    return TrafficFeed(profile, lambda node: LocalTransport(), time.time)  # type: ignore[arg-type, return-value]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - the claim may be about anything
            await asyncio.sleep(0.01)


async def test_a_filter_counts_the_last_hour_anew_and_leaves_the_rest_alone(log: Path):
    log.write_bytes(line("/a") * 5 + line("/b", 502) * 3)
    made = feed(log)
    tasks = [
        asyncio.create_task(made.access_log(node).counter.follow(LocalTransport(), lambda: None))  # type: ignore[arg-type]
        for node in ("iam-a", "iam-b")
    ]
    await until(lambda: made.series.window(3600, time.time()).total == 16)
    await until(lambda: (made.unreadable("iam-a"), made.where) == ("", ""))
    made.filter("status>=500 node=iam-a")
    await until(lambda: made.series.window(3600, time.time()).total == 3)
    assert made.totals("iam-a").left_out == 5
    with log.open("ab") as file:
        file.write(line("/c", 504) + line("/d"))
    await until(lambda: made.series.window(3600, time.time()).total == 4)
    made.filter("")
    await until(lambda: made.series.window(3600, time.time()).total == 20)
    assert made.access_log("iam-a").count.total == 10
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await made.stop()


async def test_a_filter_that_says_nothing_leaves_the_old_one(log: Path):
    made = feed(log)
    made.filter("status=404")
    with pytest.raises(WhereError):
        made.filter("stats=404")
    assert made.where == "status=404"
    await made.stop()


async def test_a_filter_tells_whoever_listens(log: Path):
    log.write_bytes(line())
    heard: list[int] = []
    made = feed(log)
    unwatch = made.watch(lambda: heard.append(made.series.window(3600, time.time()).total))
    made.filter("status=200")
    await until(lambda: 2 in heard)
    unwatch()
    count = len(heard)
    await asyncio.sleep(0.1)
    assert len(heard) == count
    await made.stop()


async def test_a_node_that_is_not_connected_is_not_read(log: Path):
    profile = pair(logs={"access": str(log), "format": "main"}, services={}, datastores={})
    made = TrafficFeed(profile, lambda node: None, time.time)
    assert made.unreadable("iam-a") == "not connected"
