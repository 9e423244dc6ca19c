"""Parts under a supervisor, calls beside the loop, and session time over a machine's sleep."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from iamops.model.events import PartReported
from iamops.nodes import supervisor as module
from iamops.nodes.supervisor import Supervisor, link_failure, run_in_thread, session_clock, since_boot
from iamops.nodes.transport import CommandTimeout, LinkLost
from tests.support.sleeping import SleepingMachine

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


async def test_a_value_comes_back() -> None:
    assert await run_in_thread(lambda: 20 + 1, "sum") == 21


async def test_a_failure_is_raised_where_it_is_waited_for() -> None:
    with pytest.raises(ZeroDivisionError):
        await run_in_thread(lambda: 1 // 0, "broken")


def test_a_call_that_hangs_holds_up_neither_who_gave_up_nor_the_loop_s_end() -> None:
    released, ended = threading.Event(), threading.Event()

    def hang() -> None:
        released.wait(20)
        ended.set()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await run_in_thread(hang, "hangs")

    asyncio.run(give_up())
    assert not ended.is_set()
    released.set()
    # It tells a loop that is closed by now; a thread that failed would be a warning, and so an error.
    assert ended.wait(5)


def test_session_time_goes_on_while_the_machine_sleeps(machine: SleepingMachine):
    now, monotonic = session_clock(), time.monotonic()
    before = now()
    machine.sleep(3600.0)
    awake_s = time.monotonic() - monotonic
    assert 3600.0 <= now() - before <= 3600.0 + awake_s + 0.1


def test_session_time_follows_no_step_of_the_wall_clock(machine: SleepingMachine, monkeypatch: pytest.MonkeyPatch):
    now = session_clock()
    before, wall = now(), time.time
    monkeypatch.setattr(time, "time", lambda: wall() - 86400.0)
    assert 0.0 <= now() - before < 60.0


def test_where_there_is_no_such_clock_the_monotonic_one_is_used(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("iamops.nodes.supervisor.CLOCK", time.CLOCK_MONOTONIC)
    assert abs(since_boot() - time.monotonic()) < 60.0
