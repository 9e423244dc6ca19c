"""The logs of the real pair: both nodes in one order of time, hostile lines, and a console under load."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from iamops.model.journal import LogLine, LogSource
from iamops.session.logs import LogTap
from tests.bench.startup import IAMOPS
from tests.bench.terminal import Terminal
from tests.bench.yardstick import slowness_beside
from tests.lab.conftest import LabForTests
from tests.lab.watching import Watching, watching

A, B = "iam-a", "iam-b"
KEY_S = 0.3
# As many lines a second as a very busy proxy writes.
LOAD = """\
for i in $(seq 60); do
  [ -e /run/load ] || exit 0
  awk -v at="$(date '+%d/%b/%Y:%T %z')" 'BEGIN { for (n = 0; n < 2000; n++)
    printf "10.0.4.1 - - [%s] \\"GET /load/%d HTTP/1.1\\" 200 15 \\"-\\" \\"-\\" \\"-\\"\\n", at, n }' >>"$1"
  sleep 0.09
done
"""


def lines(tap: LogTap, node: str, source: LogSource, text: str = "") -> list[LogLine]:
    return [each for each in tap.page().lines if (each.node, each.source) == (node, source) and text in each.text]


def running(lab: LabForTests, node: str) -> str:
    """What reads logs on a node for a console. The counting of requests is another command."""
    found = lab.exec(node, ["pgrep", "-af", "tail -n 100 -v -F|journalctl --follow --lines=100"])
    return str(found.stdout.decode())


def append(lab: LabForTests, node: str, path: str, line: str) -> None:
    lab.must(node, ["sh", "-c", f"printf '%b\\n' {shlex.quote(line)} >>{path}"])


async def read(seen: Watching) -> LogTap:
    """A tap that is open, with something of both nodes read."""
    tap = seen.cluster.log_tap()
    tap.watch(lambda: None)
    for node in (A, B):
        for source in (LogSource.ACCESS, LogSource.JOURNAL):
            await seen.until(lambda node=node, source=source: bool(lines(tap, node, source)), 10)
    return tap


async def test_requests_of_both_nodes_stand_in_order_of_time(lab: LabForTests):
    async with watching() as seen:
        tap = await read(seen)
        await asyncio.to_thread(lab.requests, 20, "/healthz?logs=test")
        await seen.until(lambda: len(lines(tap, A, LogSource.ACCESS, "logs=test")) >= 20, 5)
        # iam-b answers nobody but the console's own health check.
        began = seen.cluster.now()
        await seen.until(lambda: lines(tap, B, LogSource.ACCESS)[-1].at > began, 5)
        kept = tap.page().lines
        assert [each.place for each in kept] == sorted(each.place for each in kept)
        assert abs(lines(tap, A, LogSource.ACCESS, "logs=test")[-1].at - began) < 3


@pytest.fixture
def error_log(lab: LabForTests) -> Iterator[str]:
    """iam-b's error log; empty again afterwards."""
    path = lab.profile.logs.error
    yield path
    lab.must(B, ["truncate", "--size", "0", path])


async def test_hostile_lines_from_a_real_log_are_harmless_and_bounded(lab: LabForTests, error_log: str):
    path, mark = error_log, f"evil-{time.time_ns()}"
    async with watching() as seen:
        tap = await read(seen)
        nasty = "\\033]0;owned\\007\\033[2J [bold red]x[/] \\0377\\0"
        append(lab, B, path, f"2026/11/24 17:46:29 [error] {mark} {nasty}")
        lab.must(B, ["sh", "-c", f"head -c 1000000 /dev/zero | tr '\\0' 'A' >>{path}; echo >>{path}"])
        await seen.until(lambda: bool(lines(tap, B, LogSource.ERROR, "AAAA")), 10)
        await seen.until(lambda: bool(lines(tap, B, LogSource.ERROR, mark)), 10)
        (evil,) = lines(tap, B, LogSource.ERROR, mark)
        assert evil.text.isprintable()
        assert "\\x1b]0;owned\\x07" in evil.text
        assert all(len(each.text) < 4100 for each in tap.page().lines)


async def test_nothing_runs_on_the_nodes_when_nobody_looks(lab: LabForTests):
    async with watching() as seen:
        assert running(lab, A) == ""
        tap = LogTap(lab.profile, seen.cluster.transport, seen.cluster.store, seen.cluster.now, linger_s=0.2)
        leave = tap.watch(lambda: None)
        await seen.until(lambda: bool(lines(tap, A, LogSource.ACCESS)), 10)
        assert running(lab, A) != ""
        leave()
        await seen.until(lambda: running(lab, A) == "", 10)


async def test_a_node_that_dies_is_a_line_and_its_lines_come_back_once(lab: LabForTests):
    async with watching() as seen:
        tap = await read(seen)
        lab.fault("power-off", B)
        try:
            await seen.until(lambda: bool(lines(tap, B, LogSource.READER, "is not being read")), 20)
        finally:
            lab.heal("power-off", B)
        await seen.until(lambda: bool(lines(tap, B, LogSource.READER, "is being read again")), 60)
        began = seen.cluster.now()
        await seen.until(lambda: lines(tap, B, LogSource.ACCESS)[-1].at > began, 20)
        told = [each.text for each in lines(tap, B, LogSource.ACCESS) if "request_id=" in each.text]
        assert len(told) == len(set(told))


@pytest.fixture(params=[(80, 24), (120, 40)], ids=["80x24", "120x40"])
def console(lab: LabForTests, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    columns, rows = request.param
    terminal = Terminal([*IAMOPS, "--profile", "lab"], columns=columns, rows=rows)
    try:
        assert terminal.painted(r"10\.0\.4\.99 -> iam-a", since=0, timeout_s=15)
        yield terminal
    finally:
        terminal.close()


@pytest.fixture
def load(lab: LabForTests) -> Iterator[None]:
    """Twenty thousand lines a second on iam-a for a test; the log is as long as before afterwards."""
    path = lab.profile.logs.access
    size = lab.must(A, ["stat", "-c", "%s", path]).strip()
    command = [sys.executable, "-m", "iamops", "lab", "exec", A, "--", "sh", "-c", LOAD, "load", path]
    lab.must(A, ["touch", "/run/load"])
    writer = subprocess.Popen(command)
    yield
    lab.must(A, ["rm", "/run/load"])
    writer.wait(60)
    lab.must(A, ["truncate", "-s", size, path])


@pytest.mark.alone
def test_under_load_lines_arrive_and_the_keys_stay_quick(lab: LabForTests, console: Terminal, load: None):
    began = time.time()
    console.send("3")
    opened = console.painted(r"/load/\d+", since=began, timeout_s=10)
    assert opened is not None
    assert opened - began < 3
    assert console.painted(r"dropped", since=opened, timeout_s=5)
    keys = {"?": r"Moving up stops following", "q": r"LOGS following", "k": r"G follows"}
    took_s = console.keypress_s(keys, "G")
    slow = slowness_beside()
    assert all(each < KEY_S * slow for each in took_s.values()), (took_s, slow)
    console.send("q")
