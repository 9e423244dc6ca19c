"""Couriers: in order, again and again, and nobody waits for somebody else's slow service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from iamops.judge.alerts.message import AlertKind, message
from iamops.ledger.outbox import Outbox, OutboxMessage
from iamops.model.facts import Severity
from iamops.session.watch.delivery import OLDEST_S, Delivery
from iamops.session.watch.destinations import NotDelivered

NOW = 1_700_000_000.0
QUICK_S = (0.001, 0.002)


class Post:
    """A destination that refuses as often as it is told to, or takes its time."""

    def __init__(self, key: str, refusals: int = 0) -> None:
        self.key = self.shown = key
        self.refusals = refusals
        self.took: list[str] = []
        self.notes: list[str] = []
        self.tries = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def deliver(self, parcel: OutboxMessage, note: str = "") -> None:
        self.tries += 1
        await self.gate.wait()
        if self.refusals > 0:
            self.refusals -= 1
            raise NotDelivered("not now")
        self.took.append(parcel.message.title)
        self.notes.append(note)


class Office:
    def __init__(self, path: Path, *posts: Post) -> None:
        self.now = NOW
        self.outbox = Outbox(path)
        self.log: list[str] = []
        self.delivery = Delivery(self.outbox, posts, lambda: self.now, self.log.append, QUICK_S)
        self.delivery.start()

    def put(self, *titles: str) -> None:
        said = [message(self.now, AlertKind.NOTICE, Severity.INFO, "lab", title) for title in titles]
        self.outbox.put(said, self.delivery.keys)
        self.delivery.changed()

    async def until(self, claim: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not claim():  # noqa: ASYNC110 - the claim may be about anything
                await asyncio.sleep(0.001)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


async def test_everything_arrives_once_and_in_order_whatever_is_refused(path: Path):
    post = Post("mail", refusals=7)
    office = Office(path, post)
    office.put("one", "two", "three")
    assert await office.delivery.idle(5)
    assert post.took == ["one", "two", "three"]
    assert Outbox(path).waiting == ()
    await office.delivery.stop()


async def test_a_refusal_is_logged_once_per_reason(path: Path):
    office = Office(path, Post("mail", refusals=5))
    office.put("one")
    assert await office.delivery.idle(5)
    assert [line for line in office.log if "not accepted" in line] == [
        f"message {next(iter(office.log)).split()[1]} was not accepted by mail: not now; it will be tried again"
    ]
    await office.delivery.stop()


async def test_a_slow_destination_delays_nobody_else(path: Path):
    slow, quick = Post("slow"), Post("quick")
    slow.gate.clear()
    office = Office(path, slow, quick)
    office.put("one", "two")
    await office.until(lambda: quick.took == ["one", "two"])
    assert slow.took == []
    slow.gate.set()
    await office.until(lambda: slow.took == ["one", "two"])
    await office.delivery.stop()


async def test_what_is_too_old_is_given_up_and_the_destination_hears_of_it(path: Path):
    post = Post("mail")
    post.gate.clear()
    office = Office(path, post)
    office.put("old", "older news")
    await office.until(lambda: post.tries == 1)
    post.refusals = 1
    office.now += OLDEST_S + 1
    post.gate.set()
    await office.until(lambda: office.outbox.waiting == ())
    office.put("new")
    assert await office.delivery.idle(5)
    assert post.took == ["new"]
    assert post.notes == ["2 earlier messages never arrived here and were given up"]
    assert any("gave up" in line for line in office.log)
    await office.delivery.stop()


async def test_what_was_not_delivered_is_delivered_by_the_next_run(path: Path):
    dead = Office(path, Post("mail", refusals=10**9))
    dead.put("one", "two")
    await dead.until(lambda: bool(dead.log))
    await dead.delivery.stop()
    post = Post("mail")
    office = Office(path, post)
    assert await office.delivery.idle(5)
    assert post.took == ["one", "two"]
    await office.delivery.stop()


async def test_stopping_lets_an_attempt_end_but_does_not_wait_for_ever(path: Path):
    post = Post("mail")
    post.gate.clear()
    office = Office(path, post)
    office.put("one")
    await office.until(lambda: post.tries == 1)
    async with asyncio.timeout(2):
        await office.delivery.stop(grace_s=0.01)
    assert len(Outbox(path).waiting) == 1


async def test_a_fault_of_ours_is_logged_and_the_message_is_tried_again(path: Path):
    class Broken(Post):
        async def deliver(self, parcel: OutboxMessage, note: str = "") -> None:
            if not self.tries:
                self.tries += 1
                raise ZeroDivisionError("by zero")
            await super().deliver(parcel, note)

    post = Broken("mail")
    office = Office(path, post)
    office.put("one")
    await office.until(lambda: post.took == ["one"])
    office.delivery.check()
    assert any("a fault of iamops: ZeroDivisionError: by zero" in line for line in office.log)
    await office.delivery.stop()
