"""Writing to terminals and pipes that are not read, are read slowly, or are gone: the writer never waits."""

from __future__ import annotations

import os
import pty
import threading
import tty

import pytest

from iamops.session.outlet import Outlet

# A megabyte is more than any terminal's or pipe's buffer takes.
MUCH = b"".join(b"%07d\n" % number for number in range(1 << 17))
SOON_S = 20.0


@pytest.fixture
def terminal() -> tuple[int, int]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    return master, slave


def read_all(descriptor: int, count: int) -> bytes:
    read = b""
    while len(read) < count:
        read += os.read(descriptor, 1 << 16)
    return read


def test_what_a_stalled_terminal_does_not_take_waits_and_comes_whole_and_in_order(terminal):
    master, slave = terminal
    emptied = threading.Event()
    outlet = Outlet(slave, emptied=emptied.set)
    outlet.write(MUCH[: len(MUCH) // 2])
    outlet.write(MUCH[len(MUCH) // 2 :])  # comes here although nobody has read a byte
    assert not outlet.wait_empty(0.4)
    assert outlet.behind
    assert outlet.pending > 0
    assert read_all(master, len(MUCH)) == MUCH
    assert emptied.wait(SOON_S)
    assert not outlet.behind
    outlet.close()


def test_a_terminal_that_keeps_up_is_not_behind(terminal):
    master, slave = terminal
    outlet = Outlet(slave)
    outlet.write(b"a frame")
    assert outlet.wait_empty(SOON_S)
    assert not outlet.behind
    assert os.read(master, 100) == b"a frame"


@pytest.mark.parametrize("kind", ["terminal", "pipe"])
def test_who_was_closed_is_told_once_and_takes_everything_without_a_word(kind, terminal):
    reader, writer = terminal if kind == "terminal" else os.pipe()
    broken = threading.Event()
    outlet = Outlet(writer, broken=broken.set)
    outlet.write(MUCH)
    assert not outlet.wait_empty(0.1)
    os.close(reader)
    assert broken.wait(SOON_S)
    assert (outlet.closed, outlet.pending) == (True, 0)
    outlet.write(MUCH)
    assert outlet.pending == 0
    assert outlet.behind


def test_a_descriptor_that_somebody_made_non_blocking_loses_nothing(terminal):
    master, slave = terminal
    os.set_blocking(slave, False)
    outlet = Outlet(slave)
    outlet.write(MUCH)
    assert read_all(master, len(MUCH)) == MUCH
    assert outlet.wait_empty(SOON_S)
