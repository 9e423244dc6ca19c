"""Half an answer about locks and armed undos is none: nothing is all clear because it was not told."""

from __future__ import annotations

import pytest

from iamops.nodes.collect.system import SAFETY, read_safety
from iamops.nodes.transport import CommandFailed
from tests.support.transport import Run, ScriptedTransport

WHOLE = (
    b"/run/systemd/transient/iamops-dead-man-nginx.timer\n==locks\n\n==track\n/run/iamops-priority.VI_1\n==end\n"
)


async def read(stdout: bytes, status: int | None = 0):
    node = ScriptedTransport("iam-b", Run(("sh", "-c", SAFETY), stdout, b"sh: Cannot fork\n", status))
    return (await read_safety(node, lambda: 1.0)).report


async def test_a_whole_answer_is_read():
    report = await read(WHOLE)
    assert (report.dead_men, report.lock, report.track_files) == (("nginx",), None, ("VI_1",))


async def test_a_part_of_it_or_an_error_is_unknown():
    for cut in (b"", b"\n", WHOLE[:60], WHOLE[: WHOLE.index(b"==track")], WHOLE[: WHOLE.index(b"==end")]):
        with pytest.raises(CommandFailed, match="were not told: sh: Cannot fork"):
            await read(cut)
    for status in (1, None):
        with pytest.raises(CommandFailed):
            await read(WHOLE, status)
