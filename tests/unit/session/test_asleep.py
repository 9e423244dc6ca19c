"""A machine that slept: CLOCK_MONOTONIC and our tasks stood still, CLOCK_BOOTTIME and the nodes went on."""

from __future__ import annotations

import asyncio
import time

import pytest

from iamops.nodes.lock import BEAT_S, LEASE_S, NodeLock
from iamops.nodes.supervisor import session_clock, since_boot
from tests.support.transport import ScriptedTransport


class Machine:
    """What its clocks say: `sleep` is a suspend."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._slept_s, self._wall, real = 0.0, time.time(), time.clock_gettime
        boottime = time.CLOCK_BOOTTIME

        def gettime(clock: int) -> float:
            return real(clock) + (self._slept_s if clock == boottime else 0.0)

        monkeypatch.setattr(time, "clock_gettime", gettime)

    def sleep(self, seconds: float) -> None:
        self._slept_s += seconds


class Lines:
    """The holder's channel: says nothing, takes every beat."""

    def __init__(self) -> None:
        self.beaten = asyncio.Event()

    async def write(self, chunk: bytes) -> None:
        self.beaten.set()

    def __aiter__(self) -> Lines:
        return self

    async def __anext__(self) -> bytes:
        await asyncio.Event().wait()
        return b""


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_session_time_goes_on_while_the_machine_sleeps(machine: Machine):
    now, monotonic = session_clock(), time.monotonic()
    before = now()
    machine.sleep(3600.0)
    awake_s = time.monotonic() - monotonic
    assert 3600.0 <= now() - before <= 3600.0 + awake_s + 0.1


def test_session_time_follows_no_step_of_the_wall_clock(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    now = session_clock()
    before, wall = now(), time.time
    monkeypatch.setattr(time, "time", lambda: wall() - 86400.0)
    assert 0.0 <= now() - before < 60.0


@pytest.mark.parametrize("slept_s", [LEASE_S - BEAT_S + 1.0, float(LEASE_S), 300.0, 86400.0])
async def test_a_lock_is_lost_by_the_time_the_node_lets_go_while_we_sleep(machine: Machine, slept_s: float):
    lines = Lines()
    lock = NodeLock(ScriptedTransport("iam-a"), lines)  # type: ignore[arg-type]
    await lines.beaten.wait()
    assert lock.lost() is None
    machine.sleep(slept_s)
    assert lock.lost() == f"the lock on iam-a was lost: the console was asleep for {slept_s:.0f} s"
    await lock.release()


async def test_a_short_sleep_costs_no_lock(machine: Machine):
    lock = NodeLock(ScriptedTransport("iam-a"), Lines())  # type: ignore[arg-type]
    machine.sleep(BEAT_S)
    assert lock.lost() is None
    await lock.release()


def test_where_there_is_no_such_clock_the_monotonic_one_is_used(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("iamops.nodes.supervisor.CLOCK", time.CLOCK_MONOTONIC)
    assert abs(since_boot() - time.monotonic()) < 60.0
