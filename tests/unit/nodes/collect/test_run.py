"""The collectors of a node, run together: one that fails costs its own values."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from iamops.model.events import Event, PartReported, Source, SourceLost
from iamops.nodes import supervisor as module
from iamops.nodes.collect import run as observe_module
from iamops.nodes.collect.context import CollectorContext
from iamops.nodes.collect.run import observe
from iamops.nodes.transport import LinkLost
from tests.support.profiles import pair
from tests.support.transport import ScriptedTransport

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
