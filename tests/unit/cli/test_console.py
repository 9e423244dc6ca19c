"""The console from a shell: refused where there is no terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys


def run(*argv: str, code: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code] if code else [sys.executable, "-m", "iamops", *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_console_without_a_terminal_is_refused_with_a_hint():
    result = run("--profile", "lab")
    assert result.returncode == 2
    assert "needs a terminal" in result.stderr


def test_the_console_refuses_to_draw_into_a_file():
    """Textual draws on stderr: `iamops 2>err.log` would be a blank screen that takes every key."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "iamops", "--profile", "lab"]
    done = subprocess.run(command, stdin=slave, stdout=slave, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(slave)
    assert (done.returncode, done.stderr) == (2, b"")
    assert b"the console draws on stderr, which is no terminal here" in os.read(master, 1000)
    os.close(master)
