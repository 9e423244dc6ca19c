"""The console on a terminal that is not read, goes away, or is given what would act on it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from iamops.tui.app.terminal import Harmless
from tests.support.hostile import SEQUENCES, raw

SOON_S = 30.0


def _own_terminal() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class OnPty:
    """The console in a session of its own. Its terminal is read only by `read_until`."""

    def __init__(self, beats: Path) -> None:
        self._beats = beats
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.pty_console", str(beats)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            preexec_fn=_own_terminal,
            env={**os.environ, "TERM": "xterm-256color"},
        )
        os.close(slave)

    @property
    def turns(self) -> int:
        """How often its loop has come round."""
        return self._beats.stat().st_size if self._beats.exists() else 0

    @property
    def end(self) -> str:
        return self._beats.with_suffix(".end").read_text()

    def read_until(self, word: str) -> None:
        read, until = "", time.monotonic() + SOON_S
        while word not in read:
            assert time.monotonic() < until, f"{word!r} was never painted: {read[-300:]!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                read += os.read(self.master, 1 << 16).decode(errors="replace")

    def drain(self) -> None:
        """Reads what waits, and forgets it."""
        while select.select([self.master], [], [], 0)[0]:
            os.read(self.master, 1 << 16)

    def press(self, keys: str) -> None:
        for key in keys:
            os.write(self.master, key.encode())
            turns = self.turns
            self.until(lambda turns=turns: self.turns > turns + 5)

    def until(self, true: Callable[[], bool]) -> None:
        """Reads nothing meanwhile."""
        until = time.monotonic() + SOON_S
        while not true():
            assert time.monotonic() < until, "it never came to that"
            assert self.process.poll() is None, "it has ended"
            time.sleep(0.01)

    @property
    def stands_still(self) -> bool:
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.fixture
def on_pty(tmp_path: Path) -> Iterator[OnPty]:
    seen = OnPty(tmp_path / "beats")
    try:
        seen.read_until("SERVICES")
        yield seen
    finally:
        seen.process.kill()
        seen.process.wait()
        with contextlib.suppress(OSError):
            os.close(seen.master)


def begin_a_run(seen: OnPty) -> None:
    seen.press("A")
    seen.press("F")
    seen.press("\tlab\r")
    seen.read_until("undo and stop")


def test_a_terminal_that_is_not_read_does_not_hold_up_the_loop_and_is_drawn_again_afterwards(on_pty: OnPty):
    """The console draws a hundred times a second here: Textual's own queue is full within half a second."""
    before = on_pty.turns
    on_pty.until(lambda: on_pty.turns > before + 300)
    on_pty.read_until("SERVICES")
    on_pty.press("?")
    on_pty.read_until("Help")


def test_a_closed_terminal_ends_the_console(on_pty: OnPty):
    os.close(on_pty.master)
    assert on_pty.process.wait(SOON_S) == 0
    assert on_pty.end == "undone 0 of 0\n"


@pytest.mark.parametrize("stalled", [False, True])
def test_a_terminal_closed_in_mid_run_has_it_undone(on_pty: OnPty, stalled: bool):
    begin_a_run(on_pty)
    if stalled:
        before = on_pty.turns
        on_pty.until(lambda: on_pty.turns > before + 100)
    os.close(on_pty.master)
    assert on_pty.process.wait(SOON_S) == 130
    assert on_pty.end == "undone 1 of 1\n"


def test_told_to_end_while_its_terminal_stands_still_it_undoes_and_ends(on_pty: OnPty):
    begin_a_run(on_pty)
    before = on_pty.turns
    on_pty.until(lambda: on_pty.turns > before + 100)
    on_pty.process.terminate()
    assert on_pty.process.wait(SOON_S) == 130
    assert on_pty.end == "undone 1 of 1\n"


def test_hung_up_without_a_signal_is_noticed_too(on_pty: OnPty):
    """SIGHUP goes to the session's leader; who is not told must see it on the terminal."""
    on_pty.process.send_signal(signal.SIGCONT)  # Textual would begin a second thread that reads
    begin_a_run(on_pty)
    os.close(on_pty.master)
    assert on_pty.process.wait(SOON_S) == 130


def test_ctrl_c_in_the_panel_of_a_run_undoes_it(on_pty: OnPty):
    begin_a_run(on_pty)
    on_pty.press("\x03")
    on_pty.read_until("UNDONE")


def test_a_suspended_console_is_drawn_again(on_pty: OnPty):
    on_pty.process.send_signal(signal.SIGTSTP)
    on_pty.until(lambda: on_pty.stands_still)
    on_pty.drain()
    on_pty.process.send_signal(signal.SIGCONT)
    on_pty.read_until("SERVICES")


def test_it_is_not_suspended_while_a_run_is_under_way(on_pty: OnPty):
    begin_a_run(on_pty)
    on_pty.process.send_signal(signal.SIGTSTP)
    before = on_pty.turns
    on_pty.until(lambda: on_pty.turns > before + 20)
    on_pty.press("q")
    on_pty.read_until("not suspended while an action is under way")


def test_in_the_background_it_goes_on_and_neither_draws_nor_reads(on_pty: OnPty):
    """Reading would stop the whole process, and with it whatever it is doing."""
    begin_a_run(on_pty)
    on_pty.process.send_signal(signal.SIGUSR1)
    before = on_pty.turns
    on_pty.until(lambda: on_pty.turns > before + 100)
    os.write(on_pty.master, b"?")
    on_pty.until(lambda: on_pty.turns > before + 200)
    assert not on_pty.stands_still
    on_pty.drain()
    on_pty.process.send_signal(signal.SIGUSR2)
    on_pty.read_until("undo and stop")


def test_a_process_that_was_stopped_takes_its_terminal_back(on_pty: OnPty):
    on_pty.process.send_signal(signal.SIGSTOP)
    on_pty.until(lambda: on_pty.stands_still)
    modes = termios.tcgetattr(on_pty.master)
    modes[3] |= termios.ICANON | termios.ECHO  # as a shell sets them while it waits for a command
    termios.tcsetattr(on_pty.master, termios.TCSANOW, modes)
    on_pty.process.send_signal(signal.SIGCONT)
    on_pty.until(lambda: not termios.tcgetattr(on_pty.master)[3] & termios.ICANON)
    on_pty.read_until("SERVICES")


BLACK = Color(0, 0, 0)


def shown(text: str) -> str:
    return "".join(each.text for each in Harmless().apply([Segment(text)], BLACK))


@pytest.mark.parametrize("text", SEQUENCES)
def test_no_line_of_any_widget_holds_a_control_and_all_keep_their_width(text: str):
    assert raw(shown(text), allowed="") == []
    assert cell_len(shown(text)) == cell_len(text)


def test_text_that_is_harmless_is_the_same_object():
    """Nearly all is: the edge must cost nothing."""
    line = [Segment("┌─ iam-a ● ▁▂▅█ 中文 é", Style(bold=True)), Segment(" ")]
    assert Harmless().apply(line, BLACK) is line
