"""The console itself, in a terminal, on the real pair: what a person would see and feel."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.bench.startup import IAMOPS
from tests.bench.terminal import Terminal
from tests.lab.conftest import LabForTests

KEY_S = 0.3


@pytest.fixture
def console(lab: LabForTests) -> Iterator[Terminal]:
    terminal = Terminal([*IAMOPS, "--profile", "lab"], columns=80, rows=24)
    try:
        assert terminal.painted(r"10\.0\.4\.99 -> iam-a", since=0, timeout_s=15)
        yield terminal
    finally:
        terminal.close()


def press(terminal: Terminal, keys: str, pattern: str) -> float:
    """Seconds from a keypress until what it asks for is on the screen."""
    pressed = time.time()
    terminal.send(keys)
    painted = terminal.painted(pattern, since=pressed, timeout_s=5)
    assert painted is not None, f"{keys!r} never showed {pattern!r}"
    return painted - pressed


def test_a_move_of_the_vip_is_seen_and_the_console_leaves_on_q(lab, console):
    began = time.time()
    lab.must("iam-a", ["systemctl", "stop", "keepalived"])
    try:
        assert console.painted(r"-> iam-b", since=began, timeout_s=5)
    finally:
        lab.must("iam-a", ["systemctl", "start", "keepalived"])
    console.send("q")
    assert console.process.wait(5) == 0


def test_ctrl_c_never_quits(lab, console):
    console.send("\x03")
    assert press(console, "?", r"Help") < KEY_S
    assert console.process.poll() is None


@pytest.mark.parametrize("fault", ["power-off", "sshd-hang"])
def test_a_dead_node_is_stale_then_unknown_the_keys_stay_quick_and_it_heals(lab, console, fault):
    began = time.time()
    lab.fault(fault, "iam-b")
    try:
        stale = console.painted(r"STALE", since=began, timeout_s=15)
        assert stale is not None
        assert press(console, "?", r"Help") < KEY_S
        console.send("\x1b")
        unknown = console.painted(r"UNKNOWN", since=stale, timeout_s=15)
        assert unknown is not None
        assert unknown - began < 15
        assert press(console, ":", r":") < KEY_S
        console.send("\x1b")
    finally:
        lab.heal(fault, "iam-b")
    healed = time.time()
    assert console.painted(r"BACKUP", since=healed, timeout_s=40), "iam-b did not heal by itself"


def test_a_split_brain_fills_the_header_with_both_owners(lab, console):
    began = time.time()
    lab.fault("vrrp-drop")
    try:
        assert console.painted(r"iam-a \+ iam-b\s+SPLIT BRAIN", since=began, timeout_s=15)
    finally:
        lab.heal("vrrp-drop")
