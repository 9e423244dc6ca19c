"""What the daemons' own tests say, or why they could not be asked: each daemon by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from iamops.judge.triage.diagnose import diagnose
from iamops.nodes.config import daemon_checks
from iamops.nodes.transport import ChannelRefused, CommandResult, TransportError
from iamops.parse.config_files import complaints
from tests.support.cluster_states import NOW
from tests.unit.judge.looks import B, node_look, view

NO_SESSION = ChannelRefused(B, "sshd opens no further session: open failed", "MaxSessions 10")


class Node:
    """Answers the test of a daemon with what is told for it."""

    node = B

    def __init__(self, **told: bytes | Exception) -> None:
        self._told = told

    async def run(self, argv: Sequence[str], **how: Any) -> CommandResult:
        told = self._told["nginx" if "/usr/sbin/nginx" in argv else "keepalived"]
        if isinstance(told, Exception):
            raise told
        return CommandResult(tuple(argv), 1 if told else 0, b"", told)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (NO_SESSION, "sshd opens no further session"),
        (b"sudo: a password is required\n", "nginx -t may not be run (sudo: a password is required)"),
    ],
)
async def test_a_test_that_could_not_be_asked_is_unknown_for_its_own_reason(told: bytes | Exception, why: str):
    checks = await daemon_checks(Node(nginx=told, keepalived=b""))  # type: ignore[arg-type]
    assert [(each.daemon, bool(each.unavailable), complaints(each)) for each in checks] == [
        ("nginx", True, ()),
        ("keepalived", False, ()),
    ]
    diagnosis = diagnose(view(b=node_look(B, checks=checks)), NOW + 2)
    (blind,) = (each for each in diagnosis.not_evaluated if each.code == "nginx-config-invalid")
    assert why in blind.because


async def test_where_none_could_be_asked_the_node_itself_is_the_reason():
    with pytest.raises(TransportError, match="no further session"):
        await daemon_checks(Node(nginx=NO_SESSION, keepalived=NO_SESSION))  # type: ignore[arg-type]
