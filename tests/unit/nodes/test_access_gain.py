"""Only the new part of an access log is read, through rotations, by the node's real shell and awk."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Sequence
from pathlib import Path

from iamops.model.traffic import AccessGain, AccessMark
from iamops.nodes.logs.split import MOST_BETWEEN, access_gain, access_mark
from iamops.nodes.transport import CommandResult, LinkLost

OLD, NEW, STRANGE = b"old token\n", b"new token\n", b"a stranger's\n"


class Here:
    """Runs commands on this machine."""

    node = "here"

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, timeout=timeout_s, check=False)
        return CommandResult(tuple(argv), done.returncode, done.stdout, done.stderr)


class Gone:
    node = "gone"

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        raise LinkLost("gone", "cut", "look")


async def gained(log: Path, mark: AccessMark) -> AccessGain:
    return await access_gain(Here(), str(log), mark, "token")


async def test_what_stood_there_before_the_mark_and_what_is_not_ours_is_left_out(tmp_path):
    log = tmp_path / "it's an access.log"
    log.write_bytes(OLD)
    mark = await access_mark(Here(), str(log))
    assert await gained(log, mark) == AccessGain(())
    with log.open("ab") as more:
        more.write(NEW + STRANGE + b"\xff\xfe token \x00\n")
    found = await gained(log, mark)
    assert found.lines is not None
    assert len(found.lines) == 2
    assert found.lines[0] == NEW.strip()


async def test_a_rotated_log_is_read_from_its_beginning(tmp_path):
    log = tmp_path / "access.log"
    log.write_bytes(OLD)
    mark = await access_mark(Here(), str(log))
    log.rename(tmp_path / "access.log.1")
    log.write_bytes(NEW + STRANGE)
    assert await gained(log, mark) == AccessGain((NEW.strip(),))


async def test_a_truncated_log_is_read_from_its_beginning(tmp_path):
    log = tmp_path / "access.log"
    log.write_bytes(OLD * 3)
    mark = await access_mark(Here(), str(log))
    log.write_bytes(NEW)
    assert await gained(log, mark) == AccessGain((NEW.strip(),))


async def test_what_cannot_be_read_is_none_with_the_reason(tmp_path):
    log = tmp_path / "access.log"
    mark = await access_mark(Here(), str(log))
    assert "No such file" in mark.reason
    assert await gained(log, mark) == AccessGain(None, mark.reason)
    found = await gained(log, AccessMark(1, 1))
    assert found.lines is None
    assert str(log) in found.reason
    assert await access_gain(None, str(log), AccessMark(1, 1), "t") == AccessGain(None, "not connected")
    assert await access_mark(None, str(log)) == AccessMark(reason="not connected")
    assert await access_mark(Gone(), str(log)) == AccessMark(reason="cut")
    assert await access_gain(Gone(), str(log), AccessMark(1, 1), "t") == AccessGain(None, "cut")


async def test_more_requests_of_others_than_are_looked_at_are_not_counted(tmp_path):
    log = tmp_path / "access.log"
    log.write_bytes(OLD)
    mark = await access_mark(Here(), str(log))
    few = STRANGE + NEW + STRANGE * 3 + NEW + STRANGE
    log.write_bytes(OLD + few)
    assert (await gained(log, mark)) == AccessGain((NEW.strip(),) * 2, between=(STRANGE.strip(),) * 3)
    log.write_bytes(OLD + NEW + b"x\n" * (MOST_BETWEEN + 1) + NEW)
    many = await gained(log, mark)
    assert (many.lines, many.between) == ((NEW.strip(),) * 2, None)
