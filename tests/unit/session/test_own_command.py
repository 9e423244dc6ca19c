"""A command of the operator's own: over when it has ended, killed at its deadline, heard to its last words."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from iamops.session.own_command import KEPT_BYTES, run_own

SOON_S = 30.0


def gone(pid: int) -> bool:
    """Whether the process has ended; one that nobody has buried yet has ended too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


async def test_it_is_given_its_input_and_its_environment_and_heard_on_both_streams():
    script = 'cat; echo "$WORD" >&2; exit 7'
    done = await run_own(["sh", "-c", script], deadline_s=SOON_S, stdin=b"in", env={**os.environ, "WORD": "err"})
    assert (done.returncode, done.stdout, done.stderr) == (7, b"in", b"err\n")


async def test_a_signal_that_ends_it_is_its_exit_code():
    assert (await run_own(["sh", "-c", "kill -TERM $$"], deadline_s=SOON_S)).returncode == -15


async def test_of_endless_words_the_last_are_kept():
    script = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done"
    done = await run_own(["sh", "-c", script], deadline_s=SOON_S)
    assert len(done.stdout) == KEPT_BYTES
    assert done.stdout.endswith(b"line 2999\n")


async def test_what_it_left_running_is_neither_waited_for_nor_ended(tmp_path: Path):
    pid_file = tmp_path / "pid"
    began = time.monotonic()
    done = await run_own(["sh", "-c", f"sleep 60 & echo $! > {pid_file}; echo over"], deadline_s=SOON_S)
    pid = int(pid_file.read_text())
    try:
        assert time.monotonic() - began < SOON_S
        assert (done.returncode, done.stdout) == (0, b"over\n")
        assert not gone(pid)
    finally:
        os.kill(pid, 9)


async def test_at_its_deadline_it_is_killed_with_what_it_has_started(tmp_path: Path):
    pid_file = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {pid_file}.new; mv {pid_file}.new {pid_file}; wait"
    with pytest.raises(TimeoutError):
        await run_own(["sh", "-c", script], deadline_s=1.0)
    pid, deadline = int(pid_file.read_text()), time.monotonic() + SOON_S
    while not gone(pid):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_an_unheard_one_says_nothing_on_stdout_and_still_complains():
    done = await run_own(["sh", "-c", "echo out; echo err >&2"], deadline_s=SOON_S, unheard=True)
    assert (done.stdout, done.stderr) == (b"", b"err\n")


async def test_what_cannot_be_started_is_an_os_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        await run_own([str(tmp_path / "nothing")], deadline_s=SOON_S)
