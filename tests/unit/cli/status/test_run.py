"""`iamops status`: one document and its code; with --watch one for every change that is more than an age."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from iamops.cli.status import run as status_run
from iamops.model.events import AddressChanged, HostReported
from iamops.model.exit_code import ExitCode
from iamops.model.facts import HostReport
from tests.support.cluster_states import VIP
from tests.support.profiles import pair
from tests.support.watched_cluster import StandInCluster

Observing = Callable[..., tuple[int, list[dict[str, Any]]]]


class Observed(StandInCluster):
    """A pair of which everything was seen; `happens` is what goes on while it is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.tell(HostReported(self.now(), "iam-a", HostReport(load1=0.1)))
        self.ended = False
        self.asked_s = 0.0

    async def happens(self) -> None: ...

    async def start(self) -> None:
        self._task = asyncio.create_task(self.happens())

    async def settled(self, timeout_s: float) -> bool:
        self.asked_s = timeout_s
        return True

    def findings(self, state: object, now: float, *, final: bool = False) -> tuple[()]:
        return ()

    async def stop(self) -> None:
        self.ended = True
        await self._task


@pytest.fixture
def observing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Observing:
    """Runs it on a cluster; the exit code and the documents. A watch ends after so many of them."""

    def observe(cluster: Observed, documents: int = 1, **more: object) -> tuple[int, list[dict[str, Any]]]:
        written: list[str] = []

        def failed() -> bool:
            written.append(capsys.readouterr().out)
            return len(written) >= documents

        monkeypatch.setattr(status_run, "Cluster", lambda profile: cluster)
        monkeypatch.setattr(status_run, "stdout_failed", failed)
        args = argparse.Namespace(**{"timeout": 3.0, "watch": False, "json": True, **more})
        code = status_run.show_status(pair(), args)
        text = "".join(written) or capsys.readouterr().out
        return code, [json.loads(line) for line in text.splitlines()] if args.watch else [json.loads(text)]

    return observe


def owners(document: dict[str, Any]) -> list[str]:
    return [owner for vip in document["vips"].values() for owner in vip["owners"]]


def test_it_looks_for_as_long_as_it_was_told_prints_once_and_lets_go(observing: Observing):
    cluster = Observed()
    code, (document,) = observing(cluster, timeout=7.0)
    assert code == ExitCode.OK
    assert document["schema"] == "iamops.status/1"
    assert owners(document) == ["iam-a"]
    assert (cluster.asked_s, cluster.ended) == (7.0, True)


def test_a_vip_that_is_just_moving_is_looked_at_again(observing: Observing, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(status_run, "HANDOVER_S", 0.5)

    class Moving(Observed):
        async def settled(self, timeout_s: float) -> bool:
            self.tell(AddressChanged(self.now(), "iam-a", VIP, present=False))
            return True

        async def happens(self) -> None:
            await asyncio.sleep(0.1)
            self.tell(AddressChanged(self.now(), "iam-b", VIP, present=True))

    _, (document,) = observing(Moving())
    assert owners(document) == ["iam-b"]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_run, "PACE_S", 0.01)
    monkeypatch.setattr(status_run, "NO_CHANGE_S", 0.02)


@pytest.mark.usefixtures("quick")
def test_a_watch_tells_a_move_and_no_load_average(observing: Observing):
    class Busy(Observed):
        async def happens(self) -> None:
            for number in range(10):
                self.tell(HostReported(self.now(), "iam-a", HostReport(load1=float(number))))
                await asyncio.sleep(0.02)
            self.move("iam-a", "iam-b")

    code, documents = observing(Busy(), documents=2, watch=True)
    assert code == ExitCode.OK
    assert [owners(document) for document in documents] == [["iam-a"], ["iam-b"]]


@pytest.mark.usefixtures("quick")
def test_a_watch_says_now_and_then_that_nothing_changed(observing: Observing, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(status_run, "AT_LEAST_S", 0.05)
    _, documents = observing(Observed(), documents=3, watch=True)
    assert [owners(document) for document in documents] == [["iam-a"]] * 3
