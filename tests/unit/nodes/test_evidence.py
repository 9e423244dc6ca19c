"""What is collected of a node: the real shell lines, on stubs of the node's tools."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from iamops.nodes.evidence import EvidenceFile, collect
from iamops.nodes.transport import CommandResult, CommandTimeout, LinkLost, TransportError
from iamops.render.privileges import privileged_commands
from tests.support.profiles import pair

STUBS = ("journalctl", "ip", "ss", "systemctl", "keepalived", "nginx", "df", "uptime", "ps")


class StubbedNode:
    """Runs what it is asked for on this machine, where the node's tools only say their names."""

    node = "iam-a"
    heard_at = 0.0

    def __init__(self, directory: Path) -> None:
        self.bin = directory / "bin"
        self.bin.mkdir()
        self.asked_root = directory / "sudo.log"
        for name in STUBS:
            self.stub(name, f'echo "{name} $*"')
        self.stub("sudo", f'echo "$*" >>{self.asked_root}; echo "sudo: a password is required" >&2; exit 1')
        self.troubles: dict[str, TransportError | float] = {}

    def stub(self, name: str, line: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{line}\n")
        (self.bin / name).chmod(0o755)

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        for word, trouble in self.troubles.items():
            if word in argv:
                if isinstance(trouble, TransportError):
                    raise trouble
                await asyncio.sleep(trouble)
        pipe = asyncio.subprocess.PIPE
        path = f"{self.bin}:{os.environ['PATH']}"
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=pipe, stdout=pipe, stderr=pipe, env={"PATH": path, "LC_ALL": "C"}
        )
        out, err = await process.communicate(stdin)
        return CommandResult(tuple(argv), process.returncode, out, err)


@pytest.fixture
def node(tmp_path: Path) -> StubbedNode:
    return StubbedNode(tmp_path)


async def pieces(
    node: StubbedNode, *, timeout_s: float = 20, limit: int = 4000, **logs: Path
) -> dict[str, EvidenceFile]:
    profile = pair(logs={name: str(path) for name, path in logs.items()})
    found = await collect(node, profile, timeout_s=timeout_s, limit_bytes=limit)
    return {piece.name: piece for piece in found}


async def test_commands_are_kept_with_what_they_said(node: StubbedNode):
    found = await pieces(node)
    assert found["network/listening.txt"].content == b"ss -ltn\n"
    assert b"--unit=keepalived.service" in (found["journal/keepalived.log"].content or b"")
    assert found["network/listening.txt"].source == "ss -ltn"


async def test_only_listed_commands_are_run_as_root(node: StubbedNode):
    node.stub("systemctl", "echo active")
    await pieces(node)
    listed = {f"-n {' '.join(command)}" for command in privileged_commands(pair())}
    asked = set(node.asked_root.read_text().splitlines())
    assert asked
    assert asked <= listed


async def test_a_long_log_keeps_its_end_in_whole_lines(node: StubbedNode, tmp_path: Path):
    log = tmp_path / "access.log"
    log.write_bytes(b"".join(b"line %d\n" % number for number in range(1000)))
    piece = (await pieces(node, limit=100, access=log))["logs/access.log"]
    assert piece.left_out
    assert piece.content is not None
    assert piece.content.startswith(b"line ")
    assert piece.content.endswith(b"line 999\n")
    assert 80 < len(piece.content) <= 100


async def test_a_short_log_is_whole(node: StubbedNode, tmp_path: Path):
    log = tmp_path / "access.log"
    log.write_bytes(b"one\ntwo\xff\n")
    piece = (await pieces(node, access=log))["logs/access.log"]
    assert (piece.content, piece.left_out) == (b"one\ntwo\xff\n", False)


async def test_a_log_that_is_not_there_says_so(node: StubbedNode, tmp_path: Path):
    piece = (await pieces(node, access=tmp_path / "missing.log"))["logs/access.log"]
    assert piece.content is None
    assert "No such file" in piece.reason


async def test_a_tool_that_fails_says_so(node: StubbedNode):
    node.stub("ss", "echo 'Cannot open netlink socket' >&2; exit 1")
    piece = (await pieces(node))["network/listening.txt"]
    assert (piece.content, piece.reason) == (None, "Cannot open netlink socket")


async def test_endless_output_is_cut_and_is_no_failure(node: StubbedNode):
    node.stub("ss", "while echo one line; do :; done")
    piece = (await pieces(node, limit=100))["network/listening.txt"]
    assert piece.left_out
    assert piece.content == b"one line\n" * 11


async def test_a_command_that_hangs_costs_its_own_file_only(node: StubbedNode):
    node.troubles["-ltn"] = CommandTimeout("iam-a", "ss did not end within 8 s", "")
    found = await pieces(node)
    assert found["network/listening.txt"].reason == "ss did not end within 8 s"
    assert found["network/sockets.txt"].content == b"ss -s\n"


async def test_what_was_not_read_in_time_is_told(node: StubbedNode):
    node.troubles["-ltn"] = 60.0
    found = await pieces(node, timeout_s=2)
    assert found["network/listening.txt"].reason == "not read within 2 s"
    assert found["network/sockets.txt"].content is not None


async def test_a_link_that_breaks_costs_what_was_not_read_yet(node: StubbedNode):
    node.troubles["sh"] = LinkLost("iam-a", "the connection was closed", "")
    found = await pieces(node)
    assert {piece.content for piece in found.values()} == {None}
    assert found["logs/access.log"].reason == "the connection was closed"


async def test_without_the_nodes_script_the_reason_stands_beside_what_anybody_may_read(node: StubbedNode):
    found = await pieces(node)
    assert "sudo: a password is required" in found["config/managed"].reason


async def test_of_a_long_journal_the_newest_entries_are_asked_for_and_that_there_are_more_is_told(
    node: StubbedNode,
):
    """With --since beside --lines some versions of journalctl give the oldest."""
    found = await pieces(node)
    journal = found["journal/all.log"]
    assert "--lines=20000" in journal.source
    assert "--since" not in journal.source
    assert not journal.left_out
    for records, more in ((19_999, False), (20_000, True)):
        node.stub("journalctl", f"yes '2026 a' | head -n {records}; echo ' its second line'")
        journal = (await pieces(node, limit=1_000_000))["journal/all.log"]
        assert journal.left_out is more
        assert journal.content is not None
        assert journal.content.endswith(b" its second line\n")
