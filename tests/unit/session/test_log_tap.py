"""The tap: nothing runs while nobody looks, and what cannot be read is a line among the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from iamops.model.events import AddressChanged, HostReported, LinkChanged, Noticed, Recalled, Remembered
from iamops.model.facts import HostReport, Link, LinkState, Severity
from iamops.model.journal import LogSource
from iamops.model.state import ClusterState
from iamops.session import logs
from iamops.session.logs import LogTap
from iamops.session.store import Store
from tests.support.log_samples import JOURNAL, NOW, OF_ACCESS, REQUEST, TAIL, ZONE
from tests.support.profiles import pair
from tests.support.transport import ScriptedTransport, Stream

QUICK_S = 0.01


def node(name: str, *files: bytes) -> ScriptedTransport:
    tail, journal = Stream(TAIL, files, stays=True, always=True), Stream(JOURNAL, stays=True, always=True)
    return ScriptedTransport(name, ZONE, tail, journal)


class Bench:
    """A tap on nodes that a test plugs in and out."""

    def __init__(self) -> None:
        self.store = Store(ClusterState.of(pair()))
        self.links: dict[str, ScriptedTransport] = {}
        self.tap = LogTap(pair(), self.links.get, self.store, lambda: NOW, linger_s=0.05)
        self.news = 0

    def heard(self) -> None:
        self.news += 1

    @property
    def lines(self) -> list[str]:
        return [f"{line.node} {line.source} {line.text}" for line in self.tap.page().lines]

    async def until(self, claim: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not claim():  # noqa: ASYNC110 - the claim may be about anything
                await asyncio.sleep(QUICK_S)


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(logs, "LINK_EVERY_S", QUICK_S)
    made = Bench()
    yield made
    await made.tap.stop()


async def test_nothing_is_read_until_somebody_looks(bench: Bench):
    bench.links["iam-a"] = node("iam-a", OF_ACCESS, REQUEST % 1)
    await asyncio.sleep(0.05)
    assert bench.links["iam-a"].calls == []
    bench.tap.watch(bench.heard)
    await bench.until(lambda: bool(bench.lines))
    assert "iam-a access" in bench.lines[0]


async def test_a_while_after_the_last_one_has_gone_nothing_is_read_any_more(bench: Bench):
    bench.links["iam-a"] = node("iam-a", OF_ACCESS, REQUEST % 1)
    leave = bench.tap.watch(bench.heard)
    await bench.until(lambda: bool(bench.lines))
    leave()
    assert bench.tap.reading
    await bench.until(lambda: not bench.tap.reading)


async def test_lines_and_marks_are_there_when_somebody_comes_back_much_later(bench: Bench):
    bench.links["iam-a"] = node("iam-a", OF_ACCESS, REQUEST % 1, REQUEST % 2)
    leave = bench.tap.watch(bench.heard)
    await bench.until(lambda: len(bench.lines) == 2)
    bench.tap.mark(bench.tap.page().lines[0].number)
    leave()
    await bench.until(lambda: not bench.tap.reading)
    await bench.links["iam-a"].close()
    bench.links["iam-a"] = node("iam-a", OF_ACCESS, REQUEST % 1, REQUEST % 2, REQUEST % 3)
    bench.tap.watch(bench.heard)
    await bench.until(lambda: len(bench.lines) == 3)
    assert len(bench.tap.page().marked) == 1
    assert [line.split()[-1] for line in bench.lines] == [line.split()[-1] for line in sorted(bench.lines)]


async def test_a_page_says_from_when_on_each_source_is_there(bench: Bench):
    bench.links["iam-a"] = node("iam-a", OF_ACCESS, REQUEST % 1)
    bench.tap.watch(bench.heard)
    await bench.until(lambda: bool(bench.lines))
    reaches = {(each.node, each.source): each.at for each in bench.tap.page().reaches}
    assert reaches["iam-a", LogSource.ACCESS] == bench.tap.page().lines[0].at
    assert reaches["iam-a", LogSource.ERROR] == NOW, "none of it is there: nothing before we looked"


async def test_who_comes_back_in_time_finds_everything_as_it_was(bench: Bench):
    bench.links["iam-a"] = node("iam-a", OF_ACCESS, REQUEST % 1)
    leave = bench.tap.watch(bench.heard)
    await bench.until(lambda: bool(bench.lines))
    leave()
    again = bench.tap.watch(bench.heard)
    await asyncio.sleep(0.1)
    assert bench.tap.reading
    assert len(bench.lines) == 1
    again()
    again()  # leaving twice is no harm


async def test_a_watcher_hears_once_until_it_has_looked(bench: Bench):
    bench.links["iam-a"] = node("iam-a", OF_ACCESS, *(REQUEST % n for n in range(50)))
    bench.tap.watch(bench.heard)
    await bench.until(lambda: bench.news > 0)
    await asyncio.sleep(0.05)
    assert bench.news == 1
    assert len(bench.lines) == 50
    bench.links["iam-a"].say(TAIL, REQUEST % 51)
    await bench.until(lambda: bench.news == 2)


async def test_a_node_that_is_down_is_told_once_with_the_reason_and_read_when_it_is_back(bench: Bench):
    down = Link(LinkState.DOWN, NOW, "timeout", "no answer within 5 s")
    bench.store.apply(LinkChanged(NOW, "iam-a", down))
    bench.tap.watch(bench.heard)
    told = "iam-a iamops iam-a is not being read: no answer within 5 s"
    await bench.until(lambda: told in bench.lines)
    await asyncio.sleep(0.05)
    assert bench.lines.count(told) == 1
    bench.links["iam-a"] = node("iam-a", OF_ACCESS, REQUEST % 1)
    await bench.until(lambda: any("GET /1" in line for line in bench.lines))
    assert "iam-a iamops iam-a is being read again" in bench.lines


async def test_a_node_that_is_still_connecting_is_not_complained_about(bench: Bench):
    bench.tap.watch(bench.heard)
    await asyncio.sleep(0.05)
    assert bench.lines == []


async def test_a_link_that_is_lost_is_told(bench: Bench):
    bench.links["iam-a"] = lost = node("iam-a", OF_ACCESS, REQUEST % 1)
    bench.tap.watch(bench.heard)
    await bench.until(lambda: bool(bench.lines))
    del bench.links["iam-a"]
    lost.drop()
    await bench.until(lambda: any("is not being read: cut by the script" in line for line in bench.lines))


async def test_a_fault_of_ours_is_a_line_and_the_other_node_is_read(bench: Bench):
    bench.links["iam-a"] = ScriptedTransport("iam-a")
    bench.links["iam-b"] = node("iam-b", OF_ACCESS, REQUEST % 2)
    bench.tap.watch(bench.heard)
    await bench.until(lambda: any("a fault of iamops" in line for line in bench.lines))
    await bench.until(lambda: any("GET /2" in line for line in bench.lines))


async def test_what_happens_to_the_cluster_stands_between_the_lines(bench: Bench):
    bench.store.apply(Noticed(NOW - 9, None, Severity.INFO, "drill keepalived-stop begins"))
    bench.tap.watch(bench.heard)
    for at, held in ((NOW, "iam-a"), (NOW + 2, "iam-b")):
        bench.store.apply(AddressChanged(at, held, "10.0.4.99", present=True))
    bench.store.apply(Noticed(NOW + 1, "iam-b", Severity.WARNING, "between them"))
    lines = bench.tap.page().lines
    assert all(line.source is LogSource.MARK for line in lines)
    assert lines[0].text == "drill keepalived-stop begins"
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert len(lines) == len(bench.store.state.notices)


async def test_what_is_recalled_puts_the_list_in_order_and_repeats_nothing_between_the_lines(bench: Bench):
    def recall(*ago: float) -> None:
        lines = (Remembered(NOW - each, None, Severity.INFO, f"recalled {each}", "a journal") for each in ago)
        bench.store.apply(Recalled(NOW, tuple(lines)))

    bench.tap.watch(bench.heard)
    recall(900.0)
    bench.store.apply(Noticed(NOW - 5, None, Severity.INFO, "seen"))
    recall(900.0, 1.0)
    recall(900.0, 1.0, 0.5)
    bench.store.apply(Noticed(NOW, None, Severity.INFO, "seen later"))
    assert [line.partition("event ")[2] for line in bench.lines] == ["seen", "seen later"]


async def test_lines_of_a_clock_that_is_ahead_are_put_where_they_belong(bench: Bench):
    bench.store.apply(HostReported(NOW, "iam-a", HostReport(clock_offset_ms=2000.0)))
    bench.links["iam-a"] = node("iam-a", OF_ACCESS, REQUEST % 1)
    bench.tap.watch(bench.heard)
    await bench.until(lambda: bool(bench.lines))
    assert bench.tap.page().lines[0].at == NOW - 12


async def test_stopping_leaves_no_task_behind(bench: Bench):
    bench.links["iam-a"] = node("iam-a")
    bench.tap.watch(bench.heard)
    await asyncio.sleep(0.03)
    await bench.tap.stop()
    assert not bench.tap.reading
    assert not [task for task in asyncio.all_tasks() if task.get_name().endswith(":logs")]
    await bench.links["iam-a"].close()


async def test_a_mark_is_kept_by_the_tap(bench: Bench):
    bench.links["iam-a"] = node("iam-a", OF_ACCESS, REQUEST % 1)
    bench.tap.watch(bench.heard)
    await bench.until(lambda: bool(bench.lines))
    number = bench.tap.page().lines[0].number
    assert bench.tap.mark(number)
    assert bench.tap.page().marked == {number}
