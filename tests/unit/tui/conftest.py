"""One time zone, one empty home: nothing of the machine the tests run on may reach the screen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _plain_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for variable in ("NO_COLOR", "IAMOPS_BELL", "IAMOPS_NOTIFICATIONS"):
        monkeypatch.delenv(variable, raising=False)
    yield
    monkeypatch.undo()
    time.tzset()
