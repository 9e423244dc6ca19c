"""What the hands tell of requests through an nginx beside their answers, and the lines they leave in journals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from iamops.engine.ports import CommandAnswer, Locked, OutcomeUnknown
from iamops.nodes.lock import CannotBeLocked, LockHeld
from iamops.nodes.transport import CommandResult, CommandTimeout, LinkLost
from iamops.render.privileges import set_priority
from iamops.session import adapters as module
from iamops.session.adapters import NodeCommands
from tests.support.profiles import pair
from tests.support.transport import Run, ScriptedTransport


async def test_they_remember_for_each_nginx_how_long_ago_a_request_failed(monkeypatch: pytest.MonkeyPatch):
    now, failed, hangs, in_vain = 100.0, 0, False, dict[str, int]()

    async def through(*args: object) -> dict[str, Any]:
        if hangs:
            await asyncio.sleep(60)
        nobodys = {"backends": None, "unavailable": "", "nameless": failed, "in_vain": in_vain}
        return {"sent": 6, "failed": failed, "complaint": "", **nobodys}

    monkeypatch.setattr(module, "through", through)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
    links: Any = {name: SimpleNamespace(transport=object()) for name in ("iam-a", "iam-b")}
    hands = NodeCommands(links, pair())

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
    links: Any = {"iam-a": SimpleNamespace(transport=transport), "iam-b": SimpleNamespace(transport=None)}
    return NodeCommands(links, pair()), transport


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
    links: Any = {"iam-a": SimpleNamespace(transport=node)}
    argv = ("sudo", "-n", *set_priority("VI_1"))
    return await NodeCommands(links, pair()).run_while_armed("x", "iam-a", argv, stdin="154\n", timeout_s=1)


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
    links: Any = {name: SimpleNamespace(transport=SimpleNamespace(node=name)) for name in ("iam-a", "iam-b")}
    return NodeCommands(links, pair())


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
