"""The engine's ports on real nodes and on this machine: commands, notes, locks, and a second look."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from iamops.engine.ports import CommandAnswer, Locked, OutcomeUnknown
from iamops.model.events import DatastoreProbed, Event, LinkChanged, PortProbed
from iamops.model.facts import Link, LinkState
from iamops.nodes.lock import CannotBeLocked, LockHeld
from iamops.nodes.transport import CommandResult, CommandTimeout, LinkLost
from iamops.render.privileges import set_priority
from iamops.session import adapters as module
from iamops.session.adapters import NodeCommands, StoreReader, wait_for
from iamops.session.store import Store
from tests.support.cluster_states import NOW, healthy, seen_on
from tests.support.profiles import pair
from tests.support.transport import Run, ScriptedTransport

SHORT_S, LONG_S = 0.05, 60.0


async def test_they_remember_for_each_nginx_how_long_ago_a_request_failed(monkeypatch: pytest.MonkeyPatch):
    now, failed, hangs, in_vain = 100.0, 0, False, dict[str, int]()

    async def through(*args: object) -> dict[str, Any]:
        if hangs:
            await asyncio.sleep(60)
        nobodys = {"backends": None, "unavailable": "", "nameless": failed, "in_vain": in_vain}
        return {"sent": 6, "failed": failed, "complaint": "", **nobodys}

    monkeypatch.setattr(module, "through", through)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
    transports: Any = {name: object() for name in ("iam-a", "iam-b")}
    hands = NodeCommands(transports.get, pair())

    async def ago_s(node: str) -> float | None:
        answer = await hands.through(node, "iam-apiserver", 6, timeout_s=0.01)
        return json.loads(answer.stdout)["failed_ago_s"]

    async def in_vain_ago_s(node: str) -> dict[str, float]:
        answer = await hands.through(node, "iam-apiserver", 6, timeout_s=0.01)
        return json.loads(answer.stdout)["in_vain_ago_s"]

    assert await ago_s("iam-a") is None
    failed = 2
    assert await ago_s("iam-a") == 0.0
    now, failed = 102.5, 0
    assert await ago_s("iam-a") == 2.5
    assert await ago_s("iam-b") is None
    hangs = True
    with pytest.raises(OutcomeUnknown):
        await ago_s("iam-b")
    now, hangs = 103.0, False
    assert await ago_s("iam-b") == 0.5
    assert await in_vain_ago_s("iam-b") == {}
    in_vain = {"10.0.4.21:8080": 1}
    assert await in_vain_ago_s("iam-a") == {"10.0.4.21:8080": 0.0}
    now, in_vain = 104.0, {"10.0.4.20:8080": 2}
    assert await in_vain_ago_s("iam-a") == {"10.0.4.20:8080": 0.0, "10.0.4.21:8080": 1.0}
    assert await in_vain_ago_s("iam-b") == {"10.0.4.20:8080": 0.0}
    assert await ago_s("iam-a") == 4.0


def writing(*steps: Run) -> tuple[NodeCommands, ScriptedTransport]:
    transport = ScriptedTransport("iam-a", *steps)
    return NodeCommands({"iam-a": transport}.get, pair()), transport


def logger(line: str) -> tuple[str, ...]:
    return ("logger", "--tag", "iamops", "--priority", "user.notice", "--", line)


async def test_a_note_is_one_line_in_the_journal_and_needs_no_rights():
    hands, transport = writing(Run(logger("run=1 ledger=2 x \\x1b[2J\\x0ay")))
    assert await hands.note("iam-a", "run=1 ledger=2 x \x1b[2J\ny") is None
    transport.verify()


async def test_a_long_note_is_cut_before_logger_makes_two_lines_of_it():
    hands, transport = writing(Run(logger("run=1 " + "ä" * 447)))
    assert await hands.note("iam-a", "run=1 " + "ä" * 4000) is None
    transport.verify()


async def test_why_a_note_may_not_be_there_is_returned_and_never_raised():
    silent = CommandTimeout("iam-a", "no answer within 3 s", "look")
    hands, _ = writing(Run(logger("a"), error=silent))
    assert await hands.note("iam-a", "a") == "iam-a: no answer within 3 s"
    hands, _ = writing(Run(logger("a"), exit_status=127, stderr=b"logger: not found\n"))
    assert await hands.note("iam-a", "a") == "exit code 127: logger: not found"
    assert await hands.note("iam-b", "a") == "iam-b is not connected"


class Old:
    """A node whose sudoers file is of an earlier version."""

    def __init__(self, said: bytes = b"sudo: a password is required\n") -> None:
        self.said, self.ran = said, list[str]()

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        self.ran.append(" ".join(argv[-7:]))
        if "/usr/bin/tee" in argv:
            return CommandResult(tuple(argv), 0, stdin, b"")
        return CommandResult(tuple(argv), 1, b"", self.said)


async def raised(node: Old) -> CommandAnswer:
    nodes: Any = {"iam-a": node}
    argv = ("sudo", "-n", *set_priority("VI_1"))
    return await NodeCommands(nodes.get, pair()).run("iam-a", argv, stdin="154\n", timeout_s=1, dead_man="x")


async def test_a_node_that_does_not_know_a_command_yet_is_given_the_one_it_knows():
    node = Old()
    assert (await raised(node)).exit_status == 0
    assert node.ran[-1].endswith("sudo -n /usr/bin/tee /run/iamops-priority.VI_1")


async def test_a_command_that_failed_by_itself_is_not_sent_in_other_words():
    node = Old(b"dd: failed to open '/run/iamops-priority.VI_1': No space left on device\n")
    assert (await raised(node)).exit_status == 1
    assert len(node.ran) == 1


def holding(monkeypatch: pytest.MonkeyPatch, failures: Mapping[str, Exception]) -> list[str]:
    """The nodes that are held, in order; those that fail do so as they are told."""
    held: list[str] = []

    @asynccontextmanager
    async def hold(transport: Any, note: Mapping[str, str]) -> AsyncIterator[Any]:
        if transport.node in failures:
            raise failures[transport.node]
        held.append(transport.node)
        yield SimpleNamespace(lost=lambda: None)

    monkeypatch.setattr(module, "hold", hold)
    return held


def hands() -> NodeCommands:
    nodes: Any = {name: SimpleNamespace(node=name) for name in ("iam-a", "iam-b")}
    return NodeCommands(nodes.get, pair())


NOTE = {"run": "cafe", "who": "me", "action": "restart"}

BOTH = ("iam-a", "iam-b")

BROKEN = [
    CannotBeLocked("iam-b cannot be locked: sh: cannot fork"),
    LinkLost("iam-b", "reset by peer", "look"),
]


@pytest.mark.parametrize("failure", BROKEN)
async def test_a_node_beside_that_nobody_can_hold_is_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
):
    held = holding(monkeypatch, {"iam-b": failure})
    async with hands().lock(BOTH, NOTE, beside=["iam-b"]) as locks:
        assert (held, list(locks.unlocked)) == (["iam-a"], ["iam-b"])
        assert "iam-b cannot be locked" not in locks.unlocked["iam-b"]
        assert locks.lost("iam-a") is None
        assert locks.lost("iam-b") == "iam-b was never locked"


@pytest.mark.parametrize("failure", BROKEN)
async def test_a_node_that_is_acted_on_is_held_or_nothing_is_done(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
):
    holding(monkeypatch, {"iam-b": failure})
    with pytest.raises(Locked, match=r"^iam-b cannot be locked: "):
        async with hands().lock(BOTH, NOTE, beside=["iam-a"]):
            pytest.fail("held")


async def test_a_node_beside_that_somebody_holds_is_a_conflict(monkeypatch: pytest.MonkeyPatch):
    holding(monkeypatch, {"iam-b": LockHeld("bob holds iam-b")})
    with pytest.raises(Locked, match="bob holds iam-b"):
        async with hands().lock(BOTH, NOTE, beside=["iam-b"]):
            pytest.fail("held")


NAME = "power-on@iam-a"


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """A pipe: reading it waits until somebody writes."""
    path = tmp_path / "told"
    os.mkfifo(path)
    return path


@pytest.fixture
def local() -> Iterator[NodeCommands]:
    """Its processes have ended when the test has."""
    made = NodeCommands({}, pair())
    yield made
    for process in (*made._waiting.values(), *made._at_work):
        process.wait(10)


async def read(pipe: Path) -> str:
    async with asyncio.timeout(20):
        return await asyncio.to_thread(pipe.read_text)


async def test_what_waits_is_forgotten(local: NodeCommands, told: Path, tmp_path: Path):
    done = tmp_path / "done"
    await local.run_later(NAME, ["touch", str(done)], delay_s=0.2)
    assert (await local.cancel_later(NAME)).stdout == ""
    await local.run_later("afterwards", ["sh", "-c", f"echo over > {told}"], delay_s=0.5)
    assert await read(told) == "over\n"
    assert not done.exists()


async def test_what_is_at_work_is_left_to_finish_with_all_that_it_started(local: NodeCommands, told: Path):
    await local.run_later(
        NAME, ["sh", "-c", f"echo begun > {told}; sh -c 'sleep 1; echo done > {told}'"], delay_s=0.0
    )
    assert await read(told) == "begun\n"
    assert "left to finish" in (await local.cancel_later(NAME)).stdout
    assert await read(told) == "done\n"


async def test_a_command_that_takes_too_long_is_unknown_whoever_holds_its_pipes():
    """What it has started would hide its end."""
    async with asyncio.timeout(4):
        with pytest.raises(OutcomeUnknown, match=r"sh took longer than 0\.2 s"):
            await NodeCommands({}, pair()).run_here(("sh", "-c", "sleep 30 & echo begun; wait"), timeout_s=0.2)


def eyes(*missing: type[Event]) -> StoreReader:
    """A look brings everything of iam-b anew, but for what is missing. A glance at the clock takes 0.5 s."""
    store = Store(healthy(NOW))
    clock = (NOW + 1 + tick / 2 for tick in range(100))

    def look() -> None:
        for event in seen_on(pair(), "iam-b", NOW + 2):
            if not isinstance(event, missing):
                store.apply(event)

    async def look_at_files() -> None:
        """Nothing of the nodes' files is asked here."""

    return StoreReader(store, lambda: next(clock), look, look_at_files)


async def test_it_is_over_once_all_was_seen_anew():
    assert await eyes().fresh(["iam-b"], 1.0) == ()


@pytest.mark.parametrize(
    ("missing", "unseen"),
    [(DatastoreProbed, {"mariadb", "redis", "mongodb"}), (PortProbed, {"iam-apiserver:8081"})],
)
async def test_what_services_need_is_looked_at_again_too(missing: type[Event], unseen: set[str]):
    assert set(await eyes(missing).fresh(["iam-b"], 1.0)) == {f"{what} on iam-b" for what in unseen}


async def test_an_event_after_which_it_holds_ends_the_wait():
    store = Store(healthy())

    def cut(state: object) -> bool:
        return store.state.nodes["iam-b"].link.state is LinkState.DOWN

    task = asyncio.create_task(wait_for(store, cut, LONG_S))
    await asyncio.sleep(0)
    store.apply(LinkChanged(NOW + 1, "iam-b", Link(LinkState.DOWN)))
    async with asyncio.timeout(5):
        assert await task is True


async def test_without_such_an_event_it_is_false_after_the_timeout_and_nobody_listens_on():
    store, asked = Store(healthy()), []
    assert await wait_for(store, lambda state: bool(asked.append(state)), SHORT_S) is False
    store.apply(LinkChanged(NOW + 1, "iam-b", Link(LinkState.DOWN)))
    assert asked == []
