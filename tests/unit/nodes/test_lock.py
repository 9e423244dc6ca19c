"""The lock on a node, by its real shell and flock: with bash or without, for one at a time."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from iamops.ledger import audit
from iamops.nodes import lock as module
from iamops.nodes.lock import BEAT_S, LEASE_S, CannotBeLocked, LockHeld, hold
from iamops.nodes.transport import CommandResult
from iamops.parse.host import lock_holder
from tests.support.local_transport import LocalLines, LocalTransport

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
