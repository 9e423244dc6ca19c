"""The access log counter: history, base and older files, and what it cannot count."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from iamops.accesslog.count import FULL, CountQuery, Counts
from iamops.accesslog.format import named_format
from iamops.accesslog.rotation import LogPosition
from iamops.nodes.logs import counter
from iamops.nodes.logs import reader as log_reader
from iamops.nodes.logs.counter import AccessLog, AccessLogCounter
from iamops.nodes.transport import LinkLost
from tests.support.access_lines import RECIPE, line, place_in
from tests.support.local_transport import LocalTransport
from tests.support.talking_node import TalkingNode, endless


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counter, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(counter, "LOOK_SELDOM_S", 0.01)


async def looks(lane: AccessLogCounter, number: int = 2) -> None:
    """Follows until the lane has looked so often."""
    enough = asyncio.Event()
    seen = 0

    def told() -> None:
        nonlocal seen
        seen += 1
        if seen >= number:
            enough.set()

    task = asyncio.create_task(lane.follow(LocalTransport(), told))  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(10):
            await enough.wait()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_history_base_and_older_files_are_told_apart(log: Path):
    log.with_name("access.log.1").write_bytes(line(3700) * 3 + line(3500) * 2)
    log.write_bytes(line(7200, status=404) * 2000 + line(60) * 5)
    new, base, older = Counts(), Counts(), Counts()
    lane = AccessLogCounter(
        str(log),
        RECIPE,
        lambda counts, _: new.add(counts),
        base=lambda counts, _: base.add(counts),
        older=lambda counts, _: older.add(counts),
        history_s=3600,
    )
    await looks(lane)
    assert (base.total + new.total, older.total) == (2005, 5)
    assert base.total > 1000
    with log.open("ab") as file:
        file.write(line() * 4)
    await looks(lane)
    assert (base.total + new.total, older.total) == (2009, 5)


async def test_the_plain_count_is_of_the_whole_file_and_goes_on_over_a_rotation(log: Path):
    log.with_name("access.log.1").write_bytes(line(60) * 3)
    log.write_bytes(
        line(7200, status=404) * 7 + b"rubbish\n" + line().replace(b'"-" "-"\n', b'"iamops-probe/1" "-"\n')
    )
    counted = AccessLog(str(log), "main")
    await looks(counted.counter)
    assert (counted.count.total, counted.count.by_class) == (8, {"2xx": 1, "4xx": 7})
    assert (counted.count.probes, counted.count.unparsed) == (1, 1)
    log.rename(log.with_name("access.log.2"))
    log.write_bytes(line() * 2)
    await looks(counted.counter)
    assert counted.count.by_class == {"2xx": 3, "4xx": 7}


async def test_a_link_that_is_lost_in_the_history_begins_it_anew(log: Path, monkeypatch: pytest.MonkeyPatch):
    log.write_bytes(line(60) * 10)
    total = Counts()
    lane = AccessLogCounter(str(log), RECIPE, lambda counts, _: total.add(counts), history_s=3600)

    async def lost(*_: object, **__: object) -> None:
        raise LinkLost("here", "cut", "")

    with monkeypatch.context() as patch:
        patch.setattr(log_reader.LogReader, "read", lost)
        with pytest.raises(LinkLost):
            await lane.follow(LocalTransport(), lambda: None)  # type: ignore[arg-type]
    assert total.total == 0
    await looks(lane)
    assert total.total == 10


async def test_a_log_that_is_not_there_yet_is_waited_for(log: Path):
    total = Counts()
    lane = AccessLogCounter(str(log), RECIPE, lambda counts, _: total.add(counts))
    assert await lane.follow(LocalTransport(), lambda: None) == f"there is no {log}"  # type: ignore[arg-type]
    log.write_bytes(line() * 3)
    await looks(lane)
    assert total.total == 3


async def test_a_users_name_with_a_time_in_it_hides_nothing_and_is_counted_when_it_came(log: Path):
    spoofed = line(60, status=500).replace(b"- - [", b"- x [01/Jan/2020:00:00:00 +0000] y [")
    log.write_bytes(line(7200) * 4000 + spoofed * 6000)
    assert await place_in(log, time.time() - 3600) > 0
    total = Counts()
    lane = AccessLogCounter(str(log), RECIPE, lambda counts, _: total.add(counts), history_s=3600)
    await looks(lane)
    recent = [number for key, number in total.shapes.items() if "/2020:" not in key and "\t500\t" in key]
    assert sum(recent) == 6000


QUERY = CountQuery(named_format("main"), FULL)

PLACE = LogPosition(1, 0, "/var/log/nginx/access.log")


async def test_a_flood_is_told_as_the_reason_why_nothing_is_counted():
    made: Any = TalkingNode(endless(b"ab"))
    lane = AccessLogCounter(PLACE.name, QUERY, lambda *_: None)
    assert "more than any count" in await lane.follow(made, lambda: None)
    assert made.closed
