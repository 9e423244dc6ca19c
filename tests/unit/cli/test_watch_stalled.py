"""`iamops watch` in a process of its own, on terminals and pipes that nobody reads: alerts wait for neither."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from iamops.cli.main import parser
from iamops.cli.watch.run import _WatchRun
from iamops.ledger.watch_directory import WatchDirectory
from iamops.session.profiles import load_profile
from iamops.session.watch.destinations import Hook
from iamops.session.watch.urls import Destinations

SOON_S = 30.0
CTRL_S, CTRL_Q = b"\x13", b"\x11"
# A pair whose VIP moves all the time, and that says little before something is left out.
CHILD = """
import asyncio, itertools, sys
from iamops.cli import main
from iamops.cli.watch import run
from tests.support.watched_cluster import StandInCluster

class Pair(StandInCluster):
    def __init__(self, profile):
        super().__init__()

    async def start(self):
        self.moving = asyncio.create_task(self.moves())

    async def moves(self):
        for source, target in itertools.cycle([("iam-a", "iam-b"), ("iam-b", "iam-a")]):
            await asyncio.sleep(0.05)
            self.move(source, target)

    async def stop(self):
        self.moving.cancel()

run.Cluster = Pair
run.UNREAD_MAX = 4096
main.entry()
"""


class Child:
    def __init__(self, path: Path, *argv: str, **streams: int) -> None:
        self._heard = path / "heard"
        hook = ["--exec", f"sh -c 'cat >> {self._heard}'", "--state-dir", str(path / "state")]
        argv = ("--profile", "lab", "watch", *hook, "--flap", "900/1s", *argv)
        self.process = subprocess.Popen([sys.executable, "-c", CHILD, *argv], **streams)  # type: ignore[call-overload]

    @property
    def alerts(self) -> int:
        return len(self._heard.read_text().splitlines()) if self._heard.exists() else 0

    def until(self, true: Callable[[], bool]) -> None:
        until = time.monotonic() + SOON_S
        while not true():
            assert self.process.poll() is None
            assert time.monotonic() < until, self.alerts
            time.sleep(0.01)

    def until_more(self, alerts: int) -> None:
        wanted = self.alerts + alerts
        self.until(lambda: self.alerts >= wanted)


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    started: list[Child] = []

    def start(*argv: str, **streams: int) -> Child:
        started.append(Child(tmp_path, *argv, **streams))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait(SOON_S)


def read_until(descriptor: int, words: bytes) -> bytes:
    read = b""
    while words not in read:
        read += os.read(descriptor, 1 << 16)
    return read


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["TERM", "INT"])
def test_a_paused_terminal_holds_up_no_alert_and_a_signal_ends_the_watch(child, number: int, code: int):
    master, slave = pty.openpty()
    watch = child(stdout=slave, stderr=slave)
    read_until(master, b"watching")
    os.write(master, CTRL_S)
    watch.until_more(alerts=5)
    watch.process.send_signal(number)
    assert watch.process.wait(SOON_S) == code
    os.close(master)
    os.close(slave)


def test_a_terminal_that_goes_on_is_told_that_lines_were_left_out(child):
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    watch = child("--json", stdout=writer, stderr=subprocess.DEVNULL)
    os.close(writer)
    watch.until_more(alerts=40)
    read = read_until(reader, b"were left out here")
    watch.process.send_signal(signal.SIGTERM)
    while more := os.read(reader, 1 << 16):
        read += more
    assert watch.process.wait(SOON_S) == 0
    documents = [json.loads(line) for line in read.splitlines()]
    assert "notice" in {document["kind"] for document in documents if "left out here" in document["title"]}
    assert {document["schema"] for document in documents} == {"iamops.alert/1"}
    os.close(reader)


@pytest.mark.parametrize(("signalled", "code"), [(0, 1), (130, 130)])
async def test_a_watch_that_waits_for_its_last_delivery_is_ended_by_a_signal(
    signalled: int, code: int, tmp_path: Path
):
    args = parser().parse_args(["--profile", "lab", "watch", "--once"])
    session = _WatchRun(load_profile("lab"), args, WatchDirectory(tmp_path), [Hook("true")], Destinations())
    last = asyncio.create_task(session._last())
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(last), 0.05)
    assert not last.done()
    session._end(signalled)
    assert await asyncio.wait_for(last, 5) == code
