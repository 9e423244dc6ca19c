"""The logs of all nodes as they are kept and read while somebody looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from iamops.model.events import AddressChanged, HostReported, LinkChanged, Noticed, Recalled, Remembered
from iamops.model.facts import HostReport, Link, LinkState, Severity
from iamops.model.journal import LogSource
from iamops.model.state import ClusterState
from iamops.session import logs
from iamops.session.logs import MORE_KEPT, SPEAKERS_KEPT, LogRing, LogTap
from iamops.session.store import Store
from tests.support.log_samples import JOURNAL, NOW, OF_ACCESS, REQUEST, TAIL, ZONE
from tests.support.profiles import pair
from tests.support.transport import ScriptedTransport, Stream


def ring(**bounds: int) -> LogRing:
    return LogRing(**bounds)


def add(made: LogRing, at: float, text: str = "x", node: str = "iam-a") -> None:
    made.add(at, node, LogSource.ACCESS, text, Severity.INFO)


def texts(made: LogRing) -> list[str]:
    return [line.text for line in made.page().lines]


def test_lines_of_two_nodes_stand_in_order_of_time():
    made = ring()
    for at in (1.0, 3.0, 5.0):
        add(made, at, f"a{at}")
    for at in (2.0, 4.0, 6.0):
        add(made, at, f"b{at}", "iam-b")
    assert texts(made) == ["a1.0", "b2.0", "a3.0", "b4.0", "a5.0", "b6.0"]


def test_lines_of_one_second_stay_as_they_came():
    made = ring()
    for at, text in ((1.0, "first"), (2.0, "later"), (1.0, "second"), (1.0, "third")):
        add(made, at, text)
    assert texts(made) == ["first", "second", "third", "later"]


def test_a_source_reaches_back_to_its_oldest_line_that_is_kept():
    made = ring(lines=3)
    for source in (LogSource.ACCESS, LogSource.ERROR):
        made.begin("iam-a", source, 9.0)
    for at in (1.0, 2.0, 3.0, 4.0):
        add(made, at)
    assert {each.source: each.at for each in made.page().reaches} == {LogSource.ACCESS: 2.0, LogSource.ERROR: 9.0}


def test_the_oldest_go_when_there_are_too_many():
    made = ring(lines=3)
    for n in range(5):
        add(made, n, str(n))
    assert texts(made) == ["2", "3", "4"]


def test_the_oldest_go_when_they_are_too_long():
    made = ring(chars=25)
    for n in range(5):
        add(made, n, str(n) * 10)
    assert texts(made) == ["3" * 10, "4" * 10]


def test_lines_that_nobody_could_see_count_as_dropped():
    made = ring(lines=3)
    for n in range(3):
        add(made, n)
    made.page()
    for n in range(3, 8):
        add(made, n)
    assert made.page().dropped == 2


def test_lines_that_were_never_kept_count_too():
    made = ring()
    made.drop()
    made.drop()
    assert made.page().dropped == 2


def test_a_mark_goes_on_and_off_and_away_with_its_line():
    made = ring(lines=2)
    add(made, 1)
    number = made.page().lines[0].number
    assert made.mark(number)
    assert made.page().marked == {number}
    assert not made.mark(number)
    made.mark(number)
    add(made, 2)
    add(made, 3)
    assert made.page().marked == frozenset()
    assert not made.mark(number)


def test_further_lines_stay_with_the_record_they_belong_to_as_long_as_it_is_kept():
    made = ring(lines=3)
    assert not made.fold("iam-a api", "nobody has begun")
    made.add(1.0, "iam-a", LogSource.JOURNAL, "POST /login", Severity.INFO, "iam-a api")
    add(made, 2.0)
    for number in range(MORE_KEPT + 5):
        assert made.fold("iam-a api", f"header {number}")
    first = made.page().lines[0]
    assert (first.text, len(first.more), first.left_out) == ("POST /login", MORE_KEPT, 5)
    for _ in range(3):
        add(made, 3.0)
    assert not made.fold("iam-a api", "it is gone")
    assert made._chars == sum(len(line.text) for line in made.page().lines)


def test_neither_further_lines_nor_speakers_without_end_fill_the_memory():
    made = ring(chars=1000)
    for n in range(3):
        made.add(float(n), "iam-a", LogSource.JOURNAL, "x", Severity.INFO, f"iam-a unit{n}")
    for _ in range(40):
        made.fold("iam-a unit2", "y" * 100)
        assert made._chars <= 1000
    for n in range(SPEAKERS_KEPT + 50):
        made.add(9.0, "iam-a", LogSource.JOURNAL, "x", Severity.INFO, f"iam-a made-up{n}")
    assert len(made._open) == SPEAKERS_KEPT


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
