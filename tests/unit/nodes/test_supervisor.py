"""Parts that fail are begun again and told; parts that stand still are told; nothing ends observation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from iamops.model.events import Event, PartReported, Source, SourceLost
from iamops.nodes import supervisor as module
from iamops.nodes.collect import run as observe_module
from iamops.nodes.collect.context import CollectorContext
from iamops.nodes.collect.run import observe
from iamops.nodes.supervisor import Supervisor, link_failure
from iamops.nodes.transport import CommandTimeout, LinkLost
from tests.support.profiles import pair
from tests.support.transport import ScriptedTransport

ODD = (
    RecursionError("x"),
    OverflowError(),
    TypeError("None"),
    AttributeError("a"),
    ValueError(),
    ExceptionGroup("g", [KeyError("k")]),
)
LOST = LinkLost("iam-a", "gone", "none")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(module, "LONGEST_PAUSE_S", 0.0)
    monkeypatch.setattr(module, "WELL_AFTER_S", 0.03)


async def until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not claim():  # noqa: ASYNC110 - the claim may be about anything
            await asyncio.sleep(0.001)


def supervisor() -> tuple[Supervisor, list[PartReported]]:
    told: list[PartReported] = []
    return Supervisor(told.append, lambda: 7.0), told


async def test_whatever_a_part_fails_of_it_is_begun_again_and_told_and_well_after_a_while():
    kept, told = supervisor()
    errors, reasons = [*ODD], []

    async def work() -> None:
        if errors:
            raise errors.pop()
        await asyncio.Event().wait()

    task = asyncio.create_task(kept.keep(kept.part("the dump", "iam-a"), work, reasons.append))
    await until(lambda: bool(told) and not told[-1].reason)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(reasons) == len(ODD) == len(told) - 1
    assert all(reason.startswith("a fault of iamops: ") for reason in reasons)
    assert {(each.part, each.node, each.still) for each in told} == {("the dump", "iam-a", False)}


async def test_a_nodes_own_trouble_is_no_fault_of_ours_and_a_lost_link_is_passed_on():
    kept, told = supervisor()
    reasons: list[str] = []
    errors = [ExceptionGroup("probes", [LOST, KeyError()]), CommandTimeout("iam-a", "no end of `sh`", "look")]

    async def work() -> None:
        raise errors.pop()

    with pytest.raises(LinkLost):
        await kept.keep(kept.part("x"), work, reasons.append)
    assert reasons == ["no end of `sh`"]
    assert told == []
    assert link_failure(ExceptionGroup("g", [ExceptionGroup("h", [ValueError(), LOST])])) is LOST


async def test_a_part_that_gives_no_sign_of_life_stands_still_until_it_does():
    kept, told = supervisor()
    part = kept.part("the client's probe", silent_after_s=0.01)
    kept.check()
    assert told == []
    await asyncio.sleep(0.02)
    kept.check()
    kept.check()
    assert [(each.still, bool(each.reason)) for each in told] == [(True, True)]
    part.beat()
    kept.check()
    assert [each.reason for each in told][1:] == [""]


async def test_one_collector_that_fails_costs_its_values_and_nobody_elses(monkeypatch: pytest.MonkeyPatch):
    events: list[Event] = []
    beaten = 0

    async def well(watch: CollectorContext) -> None:
        nonlocal beaten
        while True:
            beaten += 1
            await asyncio.sleep(0)

    async def failing(watch: CollectorContext) -> None:
        raise RecursionError("maximum recursion depth exceeded")

    async def cut(watch: CollectorContext) -> None:
        await until(lambda: len(events) > 20)
        raise LOST

    table = ((well, (), "a"), (failing, (Source.VRRP, Source.UNITS), "the dump"), (cut, (), "c"))
    monkeypatch.setattr(observe_module, "COLLECTORS", table)
    watch = CollectorContext(ScriptedTransport("iam-a"), pair(), events.append, lambda: 7.0)
    with pytest.raises(LinkLost):
        await observe(watch)
    assert beaten > 5
    lost = {event.source for event in events if isinstance(event, SourceLost)}
    assert lost == {Source.VRRP, Source.UNITS}
    told = [event for event in events if isinstance(event, PartReported)]
    assert told[0].part == "the dump on iam-a"
    assert told[-1].reason == ""
