"""A unit that does not start is told with its own reason, and is not asked at every start."""

from __future__ import annotations

from collections.abc import Sequence

from iamops.model.events import Event, UnitReported
from iamops.model.facts import UnitReport
from iamops.nodes.collect.context import CollectorContext
from iamops.nodes.collect.system import AGAIN_S, STANDS_S, emit_units
from iamops.nodes.transport import CommandResult, CommandTimeout
from iamops.plan.start_failure import JOURNAL_LINES_STANDING, StartFailureQuery
from tests.support.profiles import pair

FAILS = UnitReport("activating", "auto-restart", 4)
SAID = "NRestarts=4\n==log\n\n==journal\n" + "".join(
    f"{at}.0 systemd[1]: iam-pump.service: Main process exited, code=exited, status=1/FAILURE\n"
    f"{at}.0 iam-pump[{at}]: bind: address already in use\n"
    for at in (130, 95, 60)
)


class Node:
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
    node = Node(SAID)
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
