"""What a drill reads from a node: the notify log's gain, versions, and each backend's share."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from iamops.model.traffic import Share
from iamops.nodes.history import LogMark, NotifyLine, notify_lines, notify_mark, versions
from iamops.nodes.logs.split import _share
from iamops.nodes.transport import CommandResult, CommandTimeout
from tests.support.profiles import pair

PROFILE = pair()
LOG = "+0000\n[2026-11-24 11:32:00] notify_master\nrubbish\n[2026-11-24 11:32:03] notify_stop\n"


class Node:
    """Answers by the first word that a command holds; keeps the commands."""

    node = "iam-a"

    def __init__(self, **answers: str | int | Exception) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        line = " ".join(argv)
        self.asked.append(line)
        answer = next(answer for word, answer in self.answers.items() if word in line)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return CommandResult(tuple(argv), answer, b"", b"no such file")
        return CommandResult(tuple(argv), 0, answer.encode(), b"")


async def test_the_lines_behind_the_mark_with_the_nodes_own_time_zone():
    node = Node(stat="90", tail=LOG.replace("+0000", "+0800"))
    assert await notify_mark(node, PROFILE) == LogMark(90)
    lines, reason = await notify_lines(node, PROFILE, LogMark(40))
    assert lines == (NotifyLine(1795491120.0, "MASTER"), NotifyLine(1795491123.0, "STOP"))
    assert reason == ""
    assert node.asked[-1].endswith("/var/log/keepalived.log +41")


async def test_a_rotated_log_is_read_from_its_beginning():
    node = Node(stat="10", tail=LOG)
    await notify_lines(node, PROFILE, LogMark(4000))
    assert node.asked[-1].endswith(" +1")


async def test_what_cannot_be_read_has_its_reason_and_no_lines():
    assert await notify_mark(Node(stat=1), PROFILE) == LogMark(None, "no such file")
    assert await notify_lines(Node(), PROFILE, LogMark(None, "not connected")) == (None, "not connected")
    lines, reason = await notify_lines(Node(stat="5", tail=1), PROFILE, LogMark(5))
    assert (lines, reason) == (None, "no such file")
    silent = CommandTimeout("iam-a", ("tail",), 5.0)
    lines, reason = await notify_lines(Node(stat="5", tail=silent), PROFILE, LogMark(5))
    assert lines is None
    assert reason


async def test_versions_are_what_the_programs_say():
    node = Node(nginx="nginx version: nginx/1.22.1", keepalived="Keepalived v2.2.7 (01/16,2022)")
    assert await versions(node) == {"keepalived": "2.2.7", "nginx": "1.22.1"}
    assert await versions(Node(sh="not found")) == {"keepalived": None, "nginx": None}


@pytest.mark.parametrize(
    ("said", "share"),
    [
        ("5 2\n", Share(5, 2)),
        ("0 0\n", Share(0, 0)),
        ("", Share(None, 0, "/var/log/iam/iam-apiserver.log cannot be read")),
    ],
)
async def test_a_backends_share_is_what_its_log_says(said: str, share: Share):
    assert await _share(Node(awk=said), PROFILE.services["iam-apiserver"], "token") == share


async def test_a_node_that_is_gone_has_no_share_and_that_is_said():
    assert await _share(None, PROFILE.services["iam-apiserver"], "token") == Share(None, 0, "not connected")
