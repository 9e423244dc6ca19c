"""The system's collectors: snapshots that must not be believed, units that do not start, the node's safety."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from iamops.model.events import (
    AddressesListed,
    Event,
    Source,
    SourceLost,
    UnitReported,
)
from iamops.model.facts import UnitReport
from iamops.nodes.collect import system
from iamops.nodes.collect.context import CollectorContext
from iamops.nodes.collect.system import AGAIN_S, SAFETY, STANDS_S, emit_units, read_safety
from iamops.nodes.transport import CommandFailed, CommandResult, CommandTimeout
from iamops.plan.start_failure import JOURNAL_LINES_STANDING, StartFailureQuery
from tests.support.answering_node import AnsweringNode, run_until, watch
from tests.support.profiles import pair
from tests.support.transport import Run, ScriptedTransport

SNAPSHOT = (
    "\n==iamops begin addresses==\n2: eth0    inet 10.0.4.20/24 scope global eth0\n\n==iamops end 0==\n"
    "\n==iamops begin units==\nId=nginx.service\nLoadState=loaded\nActiveState=active\nSubState=running\n"
    "\n==iamops end 0==\n"
)


async def test_a_list_that_crossed_a_move_on_its_way_is_not_believed():
    node = AnsweringNode({"addr": SNAPSHOT})
    seen, events = watch(node)
    node.before_answer = lambda: seen.address_moved.set()
    await run_until(system.repair, seen, lambda: seen.addresses_changed.is_set())
    assert not any(isinstance(event, AddressesListed) for event in events)


async def test_a_list_of_a_quiet_moment_is():
    seen, events = watch(AnsweringNode({"addr": SNAPSHOT}))
    await run_until(system.repair, seen, lambda: bool(events))
    assert AddressesListed(100.0, "iam-a", frozenset({"10.0.4.20"})) in events


async def test_a_timed_out_snapshot_leaves_units_unknown_with_the_reason():
    seen, events = watch(AnsweringNode({"addr": CommandTimeout("iam-a", "no end of `sh`", "look")}))
    await run_until(system.repair, seen, lambda: bool(events))
    assert events == [SourceLost(100.0, "iam-a", Source.UNITS, "no end of `sh`")]


FAILS = UnitReport("activating", "auto-restart", 4)

SAID = "NRestarts=4\n==log\n\n==journal\n" + "".join(
    f"{at}.0 systemd[1]: iam-pump.service: Main process exited, code=exited, status=1/FAILURE\n"
    f"{at}.0 iam-pump[{at}]: bind: address already in use\n"
    for at in (130, 95, 60)
)


class StartingNode:
    node = "iam-b"

    def __init__(self, said: str | None) -> None:
        self.said, self.asked = said, 0

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        self.asked += 1
        if self.said is None:
            raise CommandTimeout("iam-b", "sh", 6.0)
        return CommandResult(tuple(argv), 0, self.said.encode(), b"")


async def test_a_unit_that_does_not_start_is_told_with_its_reason_and_asked_now_and_then():
    now, events = [100.0], list[Event]()
    node = StartingNode(SAID)
    watch = CollectorContext(node, pair(), events.append, lambda: now[0])

    async def told(report: UnitReport) -> list[UnitReport]:
        events.clear()
        await emit_units(watch, [UnitReported(now[0], "iam-b", "iam-pump", report)])
        return [each.report for each in events if isinstance(each, UnitReported)]

    first, explained = await told(FAILS)
    assert (first.exits, first.reason) == ("", "")
    assert (explained.exits, explained.reason) == ("exit 1, 3 times in 70 s", "bind: address already in use")
    assert await told(UnitReport("active", "running")) == [UnitReport("active", "running")]
    now[0] += AGAIN_S / 2
    assert [each.reason for each in await told(FAILS)] == ["bind: address already in use"]
    assert node.asked == 1
    assert await told(UnitReport("inactive", "dead")) == [UnitReport("inactive", "dead")]
    now[0] += STANDS_S * 2
    node.said = None
    assert [each.reason for each in await told(FAILS)] == ["", ""]


def test_the_newest_lines_of_a_unit_are_asked_for():
    argv = StartFailureQuery("iam-b", "iam-pump", 600.0, standing=True).argv
    assert str(JOURNAL_LINES_STANDING) in argv
    assert "--reverse" in argv[2]


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
