"""What the hands tell of requests through an nginx beside their answers, and the lines they leave in journals."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from console.engine.ports import OutcomeUnknown
from console.nodes.fake import Run, ScriptedTransport
from console.nodes.transport import CommandTimeout
from console.session import hands as module
from console.session.hands import NodeHands
from tests.profiles import pair


async def test_they_remember_for_each_nginx_how_long_ago_a_request_failed(monkeypatch: pytest.MonkeyPatch):
    now, failed, hangs, in_vain = 100.0, 0, False, dict[str, int]()

    async def through(*args: object) -> dict[str, Any]:
        if hangs:
            await asyncio.sleep(60)
        nobodys = {"backends": None, "untold": "", "nameless": failed, "in_vain": in_vain}
        return {"sent": 6, "failed": failed, "complaint": "", **nobodys}

    monkeypatch.setattr(module, "through", through)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
    links: Any = {name: SimpleNamespace(transport=object()) for name in ("iam-a", "iam-b")}
    hands = NodeHands(links, pair())

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


def writing(*steps: Run) -> tuple[NodeHands, ScriptedTransport]:
    transport = ScriptedTransport("iam-a", *steps)
    links: Any = {"iam-a": SimpleNamespace(transport=transport), "iam-b": SimpleNamespace(transport=None)}
    return NodeHands(links, pair()), transport


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
