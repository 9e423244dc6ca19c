"""A machine that sleeps: its monotonic clock stands still, its boot time goes on."""

from __future__ import annotations

import time

import pytest


class SleepingMachine:
    """What its clocks say: `sleep` is a suspend."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._slept_s, self._wall, real = 0.0, time.time(), time.clock_gettime
        boottime = time.CLOCK_BOOTTIME

        def gettime(clock: int) -> float:
            return real(clock) + (self._slept_s if clock == boottime else 0.0)

        monkeypatch.setattr(time, "clock_gettime", gettime)

    def sleep(self, seconds: float) -> None:
        self._slept_s += seconds


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> SleepingMachine:
    return SleepingMachine(monkeypatch)
