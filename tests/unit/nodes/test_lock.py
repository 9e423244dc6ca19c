"""The lock on a node: one at a time, lost in time, and commands under an armed timer."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from iamops.ledger import audit
from iamops.nodes import lock as module
from iamops.nodes.lock import BEAT_S, LEASE_S, CannotBeLocked, LockHeld, NodeLock, hold, was_over, while_armed
from iamops.nodes.transport import CommandResult
from iamops.parse.host import lock_holder
from tests.support.local_transport import LocalLines, LocalTransport
from tests.support.sleeping import SleepingMachine
from tests.support.transport import ScriptedTransport

TOOLS = ("flock", "date", "timeout", "dd", "grep", "head", "true")

NOTE = {"who": "me", "action": "switchover", "run": "cafe"}


class Ended(LocalLines):
    """Tells how its process ended, as a connection does: no line is the last before that is known."""

    async def __anext__(self) -> bytes:
        try:
            return await super().__anext__()
        except StopAsyncIteration:
            await self._process.wait()
            raise

    @property
    def ending(self) -> CommandResult | None:
        code = self._process.returncode
        return None if code is None else CommandResult((), code, b"", b"sh: something is missing\n")


class Node(LocalTransport):
    """This machine, with the tools in one directory."""

    def __init__(self, tools: Path) -> None:
        self.tools = tools
        self.holder = b""

    def stream(self, argv: Sequence[str], *, feed: bool = False) -> AbstractAsyncContextManager[LocalLines]:
        environment = ("env", "-i", f"PATH={self.tools}", "SSH_CONNECTION=10.0.4.1 1 10.0.4.20 22")
        return super().stream((*environment, str(self.tools / argv[0]), *argv[1:]), feed=feed)

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        return CommandResult(tuple(argv), 0, self.holder, b"")


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of its own in the place of the one on /run."""
    (tmp_path / "run").mkdir()
    monkeypatch.setattr(module, "_OUTER", module._OUTER.replace("/run ", f"{tmp_path / 'run'} "))
    made = tmp_path / "tools"
    made.mkdir()
    for name in TOOLS:
        (made / name).symlink_to(str(shutil.which(name)))
    (made / "sh").symlink_to(str(shutil.which("dash") or shutil.which("sh")))
    return made


@pytest.fixture(params=["bash", "no bash"])
def node(tools: Path, request: pytest.FixtureRequest) -> Node:
    if request.param == "bash":
        (tools / "bash").symlink_to(str(shutil.which("bash")))
    return Node(tools)


async def test_a_node_is_held_by_one_at_a_time_and_free_again_afterwards(
    node: Node, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(LocalTransport, "stream", _ended(LocalTransport.stream))
    async with hold(node, NOTE) as held:
        node.holder = b'iamops-lock from=10.0.4.1 since=1700000000 {"who": "me", "action": "switchover"}\0'
        with pytest.raises(
            LockHeld, match=r"me from 10\.0\.4\.1 holds here since 2023-11-14 22:13:20Z: switchover"
        ):
            async with hold(node, NOTE):
                pytest.fail("held twice")
        assert held.lost() is None
    async with hold(node, NOTE):
        pass


async def test_a_holder_that_hears_nothing_any_more_lets_go(node: Node, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_INNER", module._INNER.replace(str(LEASE_S), "1"))
    monkeypatch.setattr(module.NodeLock, "_beat", lambda _: asyncio.sleep(0))
    async with hold(node, NOTE) as held:
        await held._tasks[1]
        assert held.lost() == "the lock on here was lost: its holder on the node has ended"


def _ended(stream):  # type: ignore[no-untyped-def]
    """Streams that tell how they ended."""
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def told(self, argv, *, feed=False):  # type: ignore[no-untyped-def]
        async with stream(self, argv, feed=feed) as lines:
            yield Ended(lines._process)

    return told


async def test_what_a_node_lacks_is_no_other_operator(tools: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(LocalTransport, "stream", _ended(LocalTransport.stream))
    (tools / "flock").unlink()
    with pytest.raises(CannotBeLocked, match="here cannot be locked: "):
        async with hold(Node(tools), NOTE):
            pytest.fail("held without flock")


def test_a_holder_that_gives_a_time_out_of_this_world_is_still_somebody():
    """Any user of a node can take the lock, and call himself what he likes."""
    for since in ("9" * 400, "\u0663", "-1", ""):
        holder = lock_holder(f"iamops-lock from=x since={since} {{}}".encode())
        assert holder is not None
        assert holder.who == "someone"


def test_the_ledger_is_not_waited_for_as_long_as_a_node_holds_its_lock_unheard():
    """The ledger's lock is waited for in the loop that beats: checked, then a break, an intent."""
    waited_s = audit.CHECK_WAIT_S + 2 * audit.APPEND_WAIT_S
    assert waited_s + BEAT_S < LEASE_S - BEAT_S


async def test_a_loop_that_stood_still_has_lost_the_lock_before_its_next_step(
    tools: Path, monkeypatch: pytest.MonkeyPatch
):
    """An fsync that hangs stops the loop, and the beats with it: the node lets go, and nothing more is sent."""
    now = 100.0
    monkeypatch.setattr(module, "since_boot", lambda: now)
    async with hold(Node(tools), NOTE) as held:
        assert held.lost() is None
        now += LEASE_S
        assert held.lost() == f"the lock on here was lost: the console was asleep for {LEASE_S} s"


class Lines:
    """The holder's channel: says nothing, takes every beat."""

    def __init__(self) -> None:
        self.beaten = asyncio.Event()

    async def write(self, chunk: bytes) -> None:
        self.beaten.set()

    def __aiter__(self) -> Lines:
        return self

    async def __anext__(self) -> bytes:
        await asyncio.Event().wait()
        return b""


@pytest.mark.parametrize("slept_s", [LEASE_S - BEAT_S + 1.0, float(LEASE_S), 300.0, 86400.0])
async def test_a_lock_is_lost_by_the_time_the_node_lets_go_while_we_sleep(
    machine: SleepingMachine, slept_s: float
):
    lines = Lines()
    lock = NodeLock(ScriptedTransport("iam-a"), lines)  # type: ignore[arg-type]
    await lines.beaten.wait()
    assert lock.lost() is None
    machine.sleep(slept_s)
    assert lock.lost() == f"the lock on iam-a was lost: the console was asleep for {slept_s:.0f} s"
    await lock.release()


async def test_a_short_sleep_costs_no_lock(machine: SleepingMachine):
    lock = NodeLock(ScriptedTransport("iam-a"), Lines())  # type: ignore[arg-type]
    machine.sleep(BEAT_S)
    assert lock.lost() is None
    await lock.release()


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
