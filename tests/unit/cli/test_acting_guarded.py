"""A command that acts, in a process of its own: streams that nobody reads, and the signals of a terminal."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SOON_S = 30.0
# What is done here takes 50 turns of the loop and says more than any pipe takes.
CHILD = """
import argparse, asyncio, sys
from pathlib import Path
from iamops.cli.acting import GuardedSession
from iamops.cli.lines import write_stdout, write_progress
from tests.support.profiles import pair

MARKS, WAITS = Path(sys.argv[1]), "waits" in sys.argv
SLOW = 60 if "closes" in sys.argv else 0

def mark(word):
    with MARKS.open("a") as file:
        file.write(word + "\\n")

class Session(GuardedSession):
    async def act(self):
        with self.under_way():
            mark("begun")
            try:
                for number in range(50):
                    write_progress("progress " * 2000)
                    await asyncio.sleep(0.001)
                while WAITS:
                    await asyncio.sleep(0.01)
                mark("done")
            except asyncio.CancelledError:
                mark("stopping")
                await asyncio.sleep(0.3)
                mark("undone")
                return 130
        write_stdout("result " * 50000)
        return 1

async def nothing(*args):
    return True

async def hang(*args):
    mark("closing")
    await asyncio.sleep(SLOW)

session = Session(pair(), argparse.Namespace(profile="lab", arm=None))
session.cluster.start = session.cluster.settled = nothing
session.cluster.stop = hang
code = session.run()
mark("over")
if "lingers" in sys.argv:
    sys.stdin.read()
sys.exit(code)
"""


class Child:
    def __init__(self, marks: Path, *argv: str, **streams: int) -> None:
        self._marks = marks
        plain = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        self.process = subprocess.Popen([sys.executable, "-c", CHILD, str(marks), *argv], **plain)  # type: ignore[call-overload]

    @property
    def marks(self) -> list[str]:
        return self._marks.read_text().splitlines() if self._marks.exists() else []

    def until(self, true: Callable[[], bool]) -> None:
        until = time.monotonic() + SOON_S
        while not true():
            assert time.monotonic() < until, self.marks
            time.sleep(0.01)

    def read(self) -> tuple[str, str]:
        out, err = self.process.communicate(timeout=SOON_S)
        return (out or b"").decode(), err.decode()


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    started: list[Child] = []

    def start(*argv: str, **streams: int) -> Child:
        started.append(Child(tmp_path / "marks", *argv, **streams))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        with contextlib.suppress(ValueError):
            each.process.communicate(timeout=SOON_S)


def test_an_action_is_done_although_nobody_reads_and_its_result_waits(child):
    run = child()
    run.until(lambda: "done" in run.marks)
    assert run.process.poll() is None
    out, err = run.read()
    assert out == "result " * 50000 + "\n"
    assert err.startswith("progress")
    assert (run.process.returncode, run.marks[-1]) == (1, "over")


def test_a_result_that_nobody_reads_is_given_up_at_a_signal(child):
    run = child()
    run.until(lambda: "done" in run.marks)
    time.sleep(0.1)  # whatever the moment is, it ends
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(SOON_S) in (1, 130)


def test_a_link_that_does_not_close_is_given_up_at_a_signal(child):
    run = child("closes", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    run.until(lambda: "closing" in run.marks)
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(SOON_S) == 1  # how the action ended is known by then


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_after_the_run_does_not_change_its_exit_code(child, name: str):
    run = child("lingers", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    run.until(lambda: "over" in run.marks)
    run.process.send_signal(signal.Signals[name])
    assert run.read()[1].count("Traceback") == 0
    assert run.process.returncode == 1


def test_a_reader_that_has_gone_neither_ends_the_action_nor_makes_it_a_success(child):
    reader, writer = os.pipe()
    os.close(reader)
    run = child(stdout=writer, stderr=writer)
    os.close(writer)
    assert run.process.wait(SOON_S) == 1
    assert run.marks == ["begun", "done", "closing", "over"]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_undoes_and_a_second_one_does_not_cut_that_short(child, name: str):
    run = child("waits")
    run.until(lambda: "begun" in run.marks)
    run.process.send_signal(signal.Signals[name])
    run.until(lambda: "stopping" in run.marks)
    run.process.send_signal(signal.SIGINT)
    _, err = run.read()
    assert (run.process.returncode, run.marks) == (130, ["begun", "stopping", "undone", "closing", "over"])
    assert "undoing; it will be over in a moment" in err


def test_it_is_not_suspended_while_something_is_under_way(child):
    run = child("waits")
    run.until(lambda: "begun" in run.marks)
    run.process.send_signal(signal.SIGTSTP)
    time.sleep(0.1)
    run.process.send_signal(signal.SIGTERM)
    _, err = run.read()
    assert "not suspended while an action is under way" in err
    assert run.marks[-1] == "over"


def test_a_hang_up_that_nohup_ignores_is_ignored(tmp_path: Path, child):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        run = child("waits")
    finally:
        signal.signal(signal.SIGHUP, before)
    run.until(lambda: "begun" in run.marks)
    run.process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    assert run.marks == ["begun"]
    run.process.send_signal(signal.SIGTERM)
    run.read()
    assert run.marks == ["begun", "stopping", "undone", "closing", "over"]
