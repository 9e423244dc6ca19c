"""The watcher between a cluster and the outbox: what the store learns becomes messages on disk."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iamops.judge.alerts.silence import Silence
from iamops.judge.alerts.state import Policy
from iamops.judge.findings import Diagnosis
from iamops.ledger.outbox import Outbox
from iamops.ledger.watch_directory import WatchDirectory
from iamops.model.events import AddressesListed, SafetyReported
from iamops.model.facts import LockHolder, SafetyReport
from iamops.model.state import ClusterState
from iamops.session.watch import watcher as module
from iamops.session.watch.delivery import Delivery, Heartbeat
from iamops.session.watch.watcher import Watcher, WatchOptions
from tests.support.cluster_states import VIP
from tests.support.post import Post
from tests.support.watched_cluster import StandInCluster
from tests.support.watching import finding

NAMED = "[CRITICAL] lab: VIP 10.0.4.99 moved iam-a -> iam-b"


class Bench:
    def __init__(self, path: Path, post: Post | None = None, heartbeat: Path | None = None) -> None:
        self.cluster = StandInCluster()
        self.directory = WatchDirectory(path)
        self.directory.make()
        self.post = post or Post("mail")
        self.log: list[str] = []
        self.told: list[Any] = []
        self.outbox = Outbox(self.directory.outbox)
        self.delivery = Delivery(self.outbox, [self.post], self.cluster.now, self.log.append, (0.001,))
        watch = WatchOptions(Policy(), "iamops --profile lab", 0.05, self.told.append, self.cluster.judged)
        beats = Heartbeat(None, heartbeat, self.log.append)
        self.watcher = Watcher(
            self.cluster, watch, self.directory, self.outbox, self.delivery, beats, self.log.append
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Bench]:
        task = asyncio.create_task(self.watcher.run())
        try:
            await self.until(lambda: bool(self.cluster.store._subscribers) or task.done())
            yield self
        finally:
            self.watcher.stop()
            await task
            await self.delivery.stop()

    async def until(self, claim: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not claim():  # noqa: ASYNC110 - the claim may be about anything
                await asyncio.sleep(0.002)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(module, "ASK_S", 0.02)


async def test_a_move_is_delivered_with_the_three_witnesses(tmp_path: Path):
    bench = Bench(tmp_path)
    async with bench.running():
        bench.cluster.move("iam-a", "iam-b")
        await bench.until(lambda: bool(bench.post.took))
    (document,) = [each for each in bench.told if each["kind"] == "vip-move"]
    body = "\n".join(document["body"])
    assert document["title"] == "VIP 10.0.4.99 moved iam-a -> iam-b"
    assert "iam-b: has 10.0.4.99 (kernel's addresses, 0.0 s ago)" in body
    assert "iam-a: does not have 10.0.4.99" in body
    assert "iam-a: MASTER (keepalived" in body
    assert "a client's last request: ok" in body
    assert document["body"][-1] == "more: iamops --profile lab triage"


async def test_a_move_is_not_kept_waiting_for_the_next_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LOOK_EVERY_S", 30.0)
    bench = Bench(tmp_path)
    async with bench.running():
        bench.cluster.move("iam-a", "iam-b")
        await bench.until(lambda: bool(bench.post.took))


async def test_it_is_on_disk_before_it_is_sent(tmp_path: Path):
    bench = Bench(tmp_path)
    bench.post.gate.clear()
    async with bench.running():
        bench.cluster.move("iam-a", "iam-b")
        await bench.until(lambda: bench.post.tries == 1)
        (parcel,) = Outbox(bench.directory.outbox, read_only=True).waiting
        bench.post.gate.set()
        await bench.until(lambda: bool(bench.post.took))
    assert parcel.message.subject == NAMED


async def test_after_a_restart_the_move_that_nobody_saw_is_told(tmp_path: Path):
    first = Bench(tmp_path)
    async with first.running():
        await first.until(lambda: (first.outbox.alerts or {}).get("vips", {}).get("VI_1") is not None)
    second = Bench(tmp_path)
    second.cluster.move("iam-a", "iam-b")
    async with second.running():
        await second.until(lambda: bool(second.post.took))
    assert second.post.took == ["VIP 10.0.4.99 is on iam-b; it was on iam-a when last seen"]


async def test_an_address_that_was_found_at_the_first_look_has_not_moved(tmp_path: Path):
    bench = Bench(tmp_path)
    state = bench.cluster.store.state
    blank = type(state).of(bench.cluster.profile)
    bench.cluster.store._state = blank
    bench.watcher._before = blank
    async with bench.running():
        bench.cluster.tell(
            *(AddressesListed(bench.cluster.now(), n, frozenset({VIP})) for n in ("iam-a", "iam-b"))
        )
        await asyncio.sleep(0.05)
    assert bench.post.took == []


async def test_who_holds_the_nodes_is_asked_when_the_vip_moves_and_said(tmp_path: Path):
    bench = Bench(tmp_path)
    lock = LockHolder("alice@ops", "10.0.4.1", 0.0, "drill keepalived-stop", "r1")
    async with bench.running():
        bench.cluster.move("iam-a", "iam-b")
        assert bench.cluster.asked_for_locks == 1
        bench.cluster.tell(SafetyReported(bench.cluster.now(), "iam-a", SafetyReport((), lock)))
        await bench.until(lambda: bool(bench.post.took))
    assert "during drill keepalived-stop by alice@ops (run r1)" in bench.told[-1]["body"]


async def test_an_undo_that_is_armed_tells_of_an_action_too(tmp_path: Path):
    bench = Bench(tmp_path)
    async with bench.running():
        bench.cluster.move("iam-a", "iam-b")
        bench.cluster.tell(SafetyReported(bench.cluster.now(), "iam-b", SafetyReport(("priority-VI_1",))))
        await bench.until(lambda: bool(bench.post.took))
    (body,) = [each["body"] for each in bench.told if each["kind"] == "vip-move"]
    assert "during an action of iamops (its undo is armed: priority-VI_1 on iam-b)" in body


async def test_moves_do_not_starve_the_findings(tmp_path: Path):
    bench = Bench(tmp_path)
    async with bench.running():
        before = bench.cluster.asked
        for _ in range(20):
            bench.cluster.move("iam-a", "iam-b")
            bench.cluster.move("iam-b", "iam-a")
            await asyncio.sleep(0.005)
        assert bench.cluster.asked > before + 3


async def test_a_silence_in_the_directory_holds_messages_back_and_its_end_is_told(tmp_path: Path):
    bench = Bench(tmp_path)
    now = bench.cluster.now()
    bench.directory.keep_silence(Silence(now, now + 600, "disks", "alice@ops"))
    async with bench.running():
        await bench.until(lambda: any("held back" in line for line in bench.log))
        bench.cluster.move("iam-a", "iam-b")
        await asyncio.sleep(0.05)
        assert bench.post.took == []
        bench.directory.end_silence()
        await bench.until(lambda: bool(bench.post.took))
    assert bench.post.took == ["the silence is over; 1 VIP move and 0 findings were held back"]


async def test_a_silence_that_cannot_be_read_is_logged_and_holds_nothing_back(tmp_path: Path):
    bench = Bench(tmp_path)
    (tmp_path / "silence.json").write_text("{")
    async with bench.running():
        bench.cluster.move("iam-a", "iam-b")
        await bench.until(lambda: bool(bench.post.took))
    assert any("nothing is held back" in line for line in bench.log)


async def test_an_outbox_that_could_not_be_read_is_told(tmp_path: Path):
    (tmp_path / "outbox.db").write_bytes(b"half a li")
    bench = Bench(tmp_path)
    async with bench.running():
        await bench.until(lambda: bool(bench.post.took))
    assert bench.post.took == ["1 record of the outbox could not be read: a message may be lost"]


async def test_a_memory_that_makes_no_sense_is_told_and_begun_anew(tmp_path: Path):
    Outbox(tmp_path / "outbox.db").put([], [], {"cases": 7})
    bench = Bench(tmp_path)
    async with bench.running():
        bench.cluster.move("iam-a", "iam-b")
        await bench.until(lambda: bool(bench.post.took))
    assert any("starting anew" in line for line in bench.log)


async def test_the_heartbeat_is_given_only_while_a_node_is_seen(tmp_path: Path):
    file = tmp_path / "alive"
    bench = Bench(tmp_path, heartbeat=file)
    async with bench.running():
        await bench.until(file.exists)
        assert "seen: iam-a, iam-b" in [each["title"] for each in bench.told]
        later = bench.cluster.now
        bench.cluster.now = lambda: later() + 60
        file.unlink()
        await asyncio.sleep(0.15)
        assert not file.exists()


async def test_a_finding_that_lasts_is_told(tmp_path: Path):
    bench = Bench(tmp_path)
    bench.cluster.found = (finding(),)
    later, began = bench.cluster.now, bench.cluster.now()
    bench.cluster.now = lambda: began + 50 * (later() - began)
    async with bench.running():
        await bench.until(lambda: bool(bench.post.took))
    assert bench.post.took == ["iam-pump is inactive on iam-a"]


async def test_a_look_that_fails_is_told_once_and_looked_again(tmp_path: Path):
    bench = Bench(tmp_path)
    failing = True

    def judged(state: ClusterState, now: float) -> Diagnosis:
        bench.cluster.asked += 1
        if failing:
            raise RecursionError("maximum recursion depth exceeded")
        return Diagnosis(())

    bench.watcher._watch = replace(bench.watcher._watch, judge=judged)
    async with bench.running():
        await bench.until(lambda: bench.cluster.asked > 5)
        failing = False
        await bench.until(lambda: "look: well again" in bench.log)
    notices = [each for each in bench.told if each["kind"] == "notice"]
    (title,) = [each["title"] for each in notices if each["severity"] == "critical"]
    assert title.startswith("iamops watch cannot judge what it sees: a fault of iamops: RecursionError: max")
