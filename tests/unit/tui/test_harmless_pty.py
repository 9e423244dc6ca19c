"""What really arrives on a terminal while the console shows what a hostile node says."""

from __future__ import annotations

import base64
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

import pytest

from tests.support.hostile import SEQUENCES, raw

SOON_S = 60.0
_CLIPBOARD = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")
# What Textual itself says to a terminal: CSI, single escapes, the clipboard above, and the pointer's shape.
_OWN = re.compile(rb"\x1b\[[0-9;?<>=$ ]*[a-zA-Z@~^]|\x1b[=>]|\x1b\]52;c;[A-Za-z0-9+/=]*\x07|\x1b\]22;[a-z-]*\x07")


@pytest.fixture(scope="module")
def painted() -> bytes:
    """Everything that the console wrote."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.pty_hostile"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm-256color"},
    ) as process:
        os.close(slave)
        read, until = b"", time.monotonic() + SOON_S
        while b"END" not in read and time.monotonic() < until:
            if select.select([master], [], [], 0.1)[0]:
                read += os.read(master, 1 << 16)
        process.kill()
    os.close(master)
    assert read.rstrip().endswith(b"END"), read[-2000:]
    return read


@pytest.mark.parametrize("sequence", [each for each in SEQUENCES if raw(each)])
def test_no_sequence_of_a_node_arrives_as_one(painted: bytes, sequence: str):
    assert sequence.encode("utf-8", "surrogatepass") not in painted


def test_nothing_arrives_but_text_and_what_the_console_itself_says(painted: bytes):
    text = _OWN.sub(b"", painted).decode("utf-8")
    assert raw(text, allowed="\r\n") == []


def test_the_terminal_s_clipboard_gets_text(painted: bytes):
    copied = [base64.b64decode(each).decode() for each in _CLIPBOARD.findall(painted)]
    assert len(copied) > len(SEQUENCES)
    assert [raw(each) for each in copied if raw(each)] == []
