"""`iamops watch`: one at a time, what ends it, and a terminal that does not read."""

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
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from iamops.cli.main import parser
from iamops.cli.output import OutputStream
from iamops.cli.watch import run as watch_session
from iamops.cli.watch.run import _WatchRun
from iamops.ledger.watch_directory import WatchDirectory
from iamops.model.profile import Profile
from iamops.session.profiles import load_profile
from iamops.session.watch.destinations import Hook
from iamops.session.watch.urls import Destinations
from tests.support.full_pipe import Full
from tests.support.sinks import Webhook
from tests.support.watch_command import Shell, refused


@pytest.mark.parametrize(("told", "code"), [((), 1), (("someone else",), 0)])
async def test_a_watch_ends_when_stdout_was_the_only_one_to_tell_and_is_read_no_more(
    told: tuple[str, ...], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    args = parser().parse_args(["--profile", "lab", "watch", "--json"])
    destinations = [Hook(each) for each in told]
    session = _WatchRun(load_profile("lab"), args, WatchDirectory(tmp_path), destinations, Destinations())
    monkeypatch.setattr("sys.stdout", OutputStream(Full(BrokenPipeError)))  # type: ignore[arg-type]
    session._print({"kind": "raised"})
    assert session._code == code


def test_a_second_watch_is_refused(shell: Shell):
    with WatchDirectory(shell.state).held():
        assert refused(shell.run("--json"), 3, "another watch runs")


def test_a_url_from_the_environment_is_not_handed_to_the_hook(shell: Shell, monkeypatch: pytest.MonkeyPatch):
    out = shell.directory / "out"
    with Webhook() as sink:
        monkeypatch.setenv("IAMOPS_ALERT_URLS", sink.url)
        done = shell.run("test", "--exec", f"sh -c 'env > {out}'")
    assert done.returncode == 0
    assert "IAMOPS_ALERT_KIND=test" in out.read_text()
    assert sink.url not in out.read_text()


def test_a_page_to_scrape_is_somebody_to_tell(shell: Shell, monkeypatch: pytest.MonkeyPatch):
    begun: list[WatchDirectory] = []

    class Begun:
        def __init__(self, _profile: Profile, _args: Namespace, directory: WatchDirectory, *_more: object) -> None:
            begun.append(directory)

        async def run(self) -> int:
            return 0

    monkeypatch.setattr(watch_session, "_WatchRun", Begun)
    assert shell.run("--metrics", "127.0.0.1:9178").returncode == 0
    assert [each.path for each in begun] == [shell.state]


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
