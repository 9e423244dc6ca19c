"""The node's own word on whether an undo is still to fire, by the shell that runs it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from iamops.nodes.lock import was_over, while_armed

SYSTEMCTL = """#!/bin/sh
[ "$*" = "show -p SubState iamops-dead-man-x.timer" ] && echo "SubState={answer}"
"""


def run(tmp_path: Path, answer: str, *argv: str) -> subprocess.CompletedProcess[bytes]:
    stand_in = tmp_path / "systemctl"
    stand_in.write_text(SYSTEMCTL.format(answer=answer))
    stand_in.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    return subprocess.run(
        while_armed("iamops-dead-man-x", argv), input=b"given", capture_output=True, env=environment
    )


def test_while_the_timer_is_to_fire_the_command_runs_with_its_words_and_its_input(tmp_path: Path):
    done = run(tmp_path, "waiting", "sh", "-c", 'printf "%s|" "$@"; cat; exit 7', "x", "two words", "$HOME", "")
    assert (done.returncode, done.stdout) == (7, b"two words|$HOME||given")
    assert not was_over(done.returncode, done.stderr.decode())


@pytest.mark.parametrize("state", ["running", "elapsed", "dead", "", "waiting\nwaiting"])
def test_when_the_timer_is_over_nothing_runs(tmp_path: Path, state: str):
    trace = tmp_path / "trace"
    done = run(tmp_path, state, "touch", str(trace))
    assert was_over(done.returncode, done.stderr.decode())
    assert not trace.exists()


@pytest.mark.parametrize("stderr", [b"", b"something else"])
def test_a_commands_own_75_is_its_own(tmp_path: Path, stderr: bytes):
    done = run(tmp_path, "waiting", "sh", "-c", f"echo '{stderr.decode()}' >&2; exit 75")
    assert done.returncode == 75
    assert not was_over(done.returncode, done.stderr.decode())
