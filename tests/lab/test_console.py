"""The console itself, in a terminal, on the real pair: what a person would see and feel."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator

import pytest

from tests.bench.startup import IAMOPS
from tests.bench.terminal import Terminal
from tests.bench.yardstick import slowness_beside
from tests.lab.acting import DEAD_MAN_S, ActingLab
from tests.lab.conftest import LabForTests
from tests.lab.whole import whole_within, wrong

pytestmark = pytest.mark.alone
KEY_S = 0.3


@pytest.fixture
def console(lab: LabForTests) -> Iterator[Terminal]:
    terminal = Terminal([*IAMOPS, "--profile", "lab"], columns=80, rows=24)
    try:
        assert terminal.painted(r"10\.0\.4\.99 -> iam-a", since=0, timeout_s=15)
        yield terminal
    finally:
        terminal.close()


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
    assert console.keypress_s({"?": r"Help"}, "q")["?"] < KEY_S * slowness_beside()
    assert console.process.poll() is None


@pytest.mark.parametrize("fault", ["power-off", "sshd-hang"])
def test_a_dead_node_is_stale_then_unknown_the_keys_stay_quick_and_it_heals(lab, console, fault):
    began = time.time()
    lab.fault(fault, "iam-b")
    try:
        stale = console.painted(r"STALE", since=began, timeout_s=15)
        assert stale is not None
        help_s = console.keypress_s({"?": r"Help"}, "q")["?"]
        unknown = console.painted(r"UNKNOWN", since=stale, timeout_s=15)
        assert unknown is not None
        assert unknown - began < 15
        command_s = console.keypress_s({":nosuch": r"nosuch"}, "\x03")[":nosuch"]
    finally:
        lab.heal(fault, "iam-b")
    healed = time.time()
    assert max(help_s, command_s) < KEY_S * slowness_beside()
    assert console.painted(r"BACKUP", since=healed, timeout_s=40), "iam-b did not heal by itself"


def test_a_split_brain_fills_the_header_with_both_owners(lab, console):
    began = time.time()
    lab.fault("vrrp-drop")
    try:
        assert console.painted(r"iam-a \+ iam-b\s+SPLIT BRAIN", since=began, timeout_s=15)
    finally:
        lab.heal("vrrp-drop")


def test_an_edit_by_hand_is_found_within_ten_seconds(lab, console):
    """Whatever the operator looks at: the finding, and the Config view when it is opened."""
    path, began = "/etc/nginx/conf.d/iam-apiserver.conf", time.time()
    lab.must("iam-b", ["sed", "-i", "$a # by hand", path])
    try:
        found = console.painted(r"iam-b: 1 file differs from the profile", since=began, timeout_s=15)
        assert found is not None
        assert found - began < 10
        console.press("5", r"drift")
    finally:
        lab.must("iam-b", ["sed", "-i", "$d", path])


def type_in(terminal: Terminal, keys: str) -> None:
    """As fast as a person types: a key sent with the Tab before it still goes to what had the focus."""
    for key in keys:
        terminal.send(key)
        time.sleep(KEY_S / 3)


@pytest.fixture
def acting_console(acting: ActingLab) -> Iterator[Terminal]:
    """The console on the lab that may be acted on, on a small terminal."""
    command = [*IAMOPS, "--profile", str(acting.profile_file)]
    terminal = Terminal(command, columns=80, rows=24, env={"XDG_STATE_HOME": str(acting.directory / "state")})
    try:
        assert terminal.painted(r"10\.0\.4\.99 -> iam-a", since=0, timeout_s=15)
        assert terminal.painted(r"BACKUP", since=0, timeout_s=15)
        yield terminal
    finally:
        terminal.close()


def test_a_switchover_by_hand(acting: ActingLab, acting_console: Terminal):
    began = time.time()
    acting_console.send("F")
    assert acting_console.painted(r"read-only", since=began, timeout_s=5)
    acting_console.press("A", r"ARMED")
    acting_console.press("F", r"the VIP moves; type lab here")
    type_in(acting_console, "\tlab\r")
    assert acting_console.painted(r"SUCCEEDED", since=began, timeout_s=30)
    assert acting.status().owners == ("iam-b",)
    assert wrong(acting) == []
    acting_console.press("q", r"SERVICES")
    assert acting_console.press("7", r"chain intact") < 2
    tail = acting.run("audit", "tail", "--json", "-n", "1")
    assert json.loads(tail.out)["outcome"] == "succeeded"


def test_a_dialog_left_with_return_changes_nothing(acting: ActingLab, acting_console: Terminal):
    before = acting.footprint()
    acting_console.press("A", r"ARMED")
    acting_console.press("F", r"the VIP moves; type lab here")
    assert acting_console.press("\r", r"cancelled") < 2
    assert acting.footprint() == before


def test_a_terminal_that_goes_away_in_mid_run_leaves_a_whole_pair(acting: ActingLab, acting_console: Terminal):
    acting_console.press("A", r"ARMED")
    acting_console.press("F", r"the VIP moves; type lab here")
    began = time.time()
    type_in(acting_console, "\tlab\r")
    assert acting_console.painted(r"running", since=began, timeout_s=10)
    acting_console.process.send_signal(signal.SIGHUP)
    acting_console.process.wait(DEAD_MAN_S + 20)
    whole_within(acting, DEAD_MAN_S + 5)
