"""A log that does not hold everything is unknown, never 0."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from iamops.accesslog.count import FULL, CountQuery, Counts
from iamops.accesslog.format import named_format
from iamops.cli.traffic.run import traffic_lines
from iamops.model.traffic import NodeCount
from iamops.nodes.logs import counter, reader
from iamops.nodes.logs.counter import AccessLogCounter
from iamops.report.traffic import traffic_document
from iamops.session import traffic
from iamops.session.traffic import count_traffic
from tests.support.access_lines import line
from tests.support.local_transport import LocalTransport
from tests.support.profiles import pair

RECIPE = CountQuery(named_format("main"), FULL)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REOPENS_S", "WRITTEN_S"):
        monkeypatch.setattr(traffic, name, 0.02)
    for name in ("LOOK_EVERY_S", "LOOK_SELDOM_S", "ABSENT_S"):
        monkeypatch.setattr(counter, name, 0.02)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "access.log"
    file.write_bytes(line(30) * 3)
    return file


async def counted(log: Path, since: float | None = 0.0, *, served: bool | None = None) -> NodeCount:
    made = {"here": LocalTransport()}

    async def asked(_transport: object) -> bool:
        return bool(served)

    return (await count_traffic(str(log), RECIPE, since, made, None if served is None else asked))["here"]  # type: ignore[arg-type]


def total(node: NodeCount) -> int | None:
    return None if node.reason else sum(slot.total for slot in node.slots.values())


def aged(file: Path, by_s: float) -> None:
    os.utime(file, (time.time() - by_s,) * 2)


async def test_a_deleted_log_is_unknown_and_a_renamed_one_is_counted_while_it_is_written(log: Path):
    assert total(await counted(log)) == 3
    log.rename(renamed := log.with_name("access.log.1"))
    assert total(await counted(log)) == 3, "nginx has not been told to reopen it, and writes on"
    aged(renamed, 300)
    for since in (0.0, None):
        assert "there is no" in (await counted(log, since)).reason
    renamed.unlink()
    assert "nginx -s reopen" in (await counted(log)).reason


async def test_a_directory_that_may_not_be_listed_hides_older_files(log: Path, monkeypatch: pytest.MonkeyPatch):
    """As root everything may be listed: what the shell tests is answered for it."""
    for denied, words in (("[ -r ", "may not be listed"), ("[ -x ", "may not be searched")):
        script = reader._SCRIPT.replace(f'{denied}"${{log%/*}}" ]', "false")
        assert script != reader._SCRIPT
        with monkeypatch.context() as patched:
            patched.setattr(reader, "_SCRIPT", script)
            assert words in (await counted(log)).reason


async def test_a_full_file_system_holds_not_what_was_served(log: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reader, "_SCRIPT", reader._SCRIPT.replace("$(stat -f -c %a", "$(echo 0 #", 1))
    script = reader._SCRIPT.replace('$(echo 0 # -- "${log%/*}" 2>/dev/null)', "$(echo 0)")
    monkeypatch.setattr(reader, "_SCRIPT", script)
    assert "is full" in (await counted(log)).reason


async def test_a_log_that_does_not_grow_though_nginx_answers_is_unknown(log: Path):
    aged(log, 900)
    assert "was last written 15 min ago" in (await counted(log, served=True)).reason
    assert total(await counted(log, served=False)) == 3, "a quiet night"
    aged(log, 5)
    assert total(await counted(log, served=True)) == 3
    log.write_bytes(b"")
    assert "is empty, though nginx answers" in (await counted(log, served=True)).reason
    assert total(await counted(log, served=False)) == 0


async def test_a_lane_says_why_it_does_not_know_instead_of_standing_still(
    log: Path, monkeypatch: pytest.MonkeyPatch
):
    found = Counts()
    lane = AccessLogCounter(str(log), RECIPE, lambda counts, _recipe: found.add(counts))

    async def ends() -> str:
        async with asyncio.timeout(5):
            return await lane.follow(LocalTransport(), lambda: None)  # type: ignore[arg-type]

    following = asyncio.create_task(ends())
    await asyncio.sleep(0.2)
    log.unlink()
    assert "there is no" in await following
    log.write_bytes(line() * 2)
    lane.served_at = lambda: time.monotonic() + 120
    assert "though nginx answers" in await ends()
    assert found.total == 5


def test_with_a_node_that_was_not_counted_nothing_is_a_total():
    nodes = {
        "iam-a": NodeCount({}, traffic.LogTotals()),
        "iam-b": NodeCount({}, traffic.LogTotals(), "there is no log"),
    }
    document = traffic_document(pair(), RECIPE, nodes, since=0.0, until=9.0, by=None, top=5)
    cluster = document["cluster"]
    assert (cluster["total"], cluster["total_at_least"], cluster["rate_per_s"]) == (None, 0, None)
    assert cluster["total_unknown"] == "not counted: iam-b"
    assert any(row.startswith("all") and "≥ 0" in row for row in traffic_lines(document))
    dark = {name: NodeCount({}, traffic.LogTotals(), "no link") for name in nodes}
    assert (
        "total_at_least"
        not in traffic_document(pair(), RECIPE, dark, since=0.0, until=9.0, by=None, top=5)["cluster"]
    )
