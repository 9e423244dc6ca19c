"""Collectors: what they make of a node's answers, and what they must not believe."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from iamops.model.events import (
    AddressesListed,
    Event,
    KeepalivedAsked,
    Source,
    SourceLost,
    VrrpReported,
    VrrpTransition,
)
from iamops.model.facts import VrrpState
from iamops.nodes.collect import system, vrrp
from iamops.nodes.collect.context import FLOOD_LINES, TURN_LINES, CollectorContext
from iamops.nodes.transport import CommandResult, CommandTimeout
from iamops.parse.journal import JournalRecord
from tests.support.profiles import pair

SNAPSHOT = (
    "\n==iamops begin addresses==\n2: eth0    inet 10.0.4.20/24 scope global eth0\n\n==iamops end 0==\n"
    "\n==iamops begin units==\nId=nginx.service\nLoadState=loaded\nActiveState=active\nSubState=running\n"
    "\n==iamops end 0==\n"
)
DUMP = '[{"data":{"iname":"VI_1","state":2,"base_priority":100,"effective_priority":100}}]'


class Node:
    """Answers commands from a table of (word in the command, result or error)."""

    node = "iam-a"

    def __init__(self, answers: dict[str, str | int | Exception]) -> None:
        self.answers = answers
        self.before_answer = lambda: None

    async def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        line = " ".join(argv)
        for word, answer in self.answers.items():
            if word in line:
                self.before_answer()
                if isinstance(answer, Exception):
                    raise answer
                if isinstance(answer, int):
                    return CommandResult(tuple(argv), answer, b"", b"sudo: a password is required")
                return CommandResult(tuple(argv), 0, answer.encode(), b"")
        raise AssertionError(f"unexpected command: {line}")


def watch(node: Node) -> tuple[CollectorContext, list[Event]]:
    events: list[Event] = []
    return CollectorContext(node, pair(), events.append, lambda: 100.0), events


async def run_until(collector, seen: CollectorContext, done) -> None:
    task = asyncio.create_task(collector(seen))
    try:
        async with asyncio.timeout(5):
            while not done():  # noqa: ASYNC110 - the claim may be about anything, not one event
                await asyncio.sleep(0)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_list_that_crossed_a_move_on_its_way_is_not_believed():
    node = Node({"addr": SNAPSHOT})
    seen, events = watch(node)
    node.before_answer = lambda: seen.address_moved.set()
    await run_until(system.repair, seen, lambda: seen.addresses_changed.is_set())
    assert not any(isinstance(event, AddressesListed) for event in events)


async def test_a_list_of_a_quiet_moment_is():
    seen, events = watch(Node({"addr": SNAPSHOT}))
    await run_until(system.repair, seen, lambda: bool(events))
    assert AddressesListed(100.0, "iam-a", frozenset({"10.0.4.20"})) in events


async def test_a_timed_out_snapshot_leaves_units_unknown_with_the_reason():
    seen, events = watch(Node({"addr": CommandTimeout("iam-a", "no end of `sh`", "look")}))
    await run_until(system.repair, seen, lambda: bool(events))
    assert events == [SourceLost(100.0, "iam-a", Source.UNITS, "no end of `sh`")]


async def test_a_dump_is_asked_for_and_read():
    answers = {"is-active": "active", "--signum": "36", "sh -c path": "", "dd if=/tmp/keepalived.json": DUMP}
    seen, events = watch(Node(answers))
    await run_until(vrrp.dump, seen, lambda: bool(events))
    event, answered = events
    assert isinstance(event, VrrpReported)
    assert event.report.state is VrrpState.MASTER
    assert answered == KeepalivedAsked(100.0, "iam-a", "")


async def test_a_stopped_keepalived_has_no_state_at_all():
    seen, events = watch(Node({"is-active": "inactive"}))
    await run_until(vrrp.dump, seen, lambda: bool(events))
    assert events == [SourceLost(100.0, "iam-a", Source.VRRP, "keepalived is inactive")]


@pytest.mark.parametrize("signum", ["", "Unknown sigfunc JSON", "35"])
async def test_a_build_without_json_is_never_sent_the_signal(signum):
    """An unhandled real-time signal kills the daemon."""
    data = " VRRP Instance = VI_1\n   State = BACKUP\n   Priority = 50\n   Effective priority = 50\n"
    asked: list[str] = []
    node = Node({"is-active": "active", "--signum": signum, "sh -c path": "", "keepalived.data": data})
    inner = node.run

    async def noting(argv: Sequence[str], **given: object) -> CommandResult:
        asked.append(" ".join(argv))
        return await inner(argv, **given)

    node.run = noting
    seen, events = watch(node)
    await run_until(vrrp.dump, seen, lambda: bool(events))
    assert not any("--signal=36" in line for line in asked)
    assert events[0].report.source == "data"


async def test_without_any_dump_the_journals_last_word_stands():
    said = (
        b'{"_SYSTEMD_UNIT":"keepalived.service","__REALTIME_TIMESTAMP":"99000000","MESSAGE":"'
        b'(VI_1) Entering MASTER STATE"}'
    )
    answers = {"is-active": "active", "--signum": "36", "sh -c path": 1, "journalctl": said.decode()}
    seen, events = watch(Node(answers))
    await run_until(vrrp.dump, seen, lambda: bool(events))
    why = "no dump: sudo: a password is required"
    assert events == [VrrpTransition(100.0, "iam-a", "VI_1", VrrpState.MASTER, 99.0, True, why)]


async def test_the_echo_of_a_dump_asks_for_no_other():
    seen, events = watch(Node({}))
    for message in (
        "keepalived.service: Sent signal SIGRTMIN+2 to main process 41 (keepalived) on client request.",
        "Printing VRRP as json for process(42) on signal",
    ):
        vrrp._journal_record(seen, JournalRecord(1.0, "keepalived", message, by_systemd=False))
    assert not seen.vrrp_changed.is_set()
    assert events == []


class Flooding(Node):
    """`ip monitor` that names one address after the other, without end."""

    def __init__(self, line: Callable[[int], bytes]) -> None:
        super().__init__({})
        self.line, self.said = line, 0

    @contextlib.asynccontextmanager
    async def stream(self, argv: Sequence[str], *, feed: bool = False) -> AsyncIterator[Flooding]:
        yield self

    def __aiter__(self) -> Flooding:
        return self

    async def __anext__(self) -> bytes:
        self.said += 1
        return self.line(self.said)


@pytest.mark.parametrize("collector", [system.addresses, vrrp.journal])
async def test_a_flood_is_not_listened_to_and_lets_others_have_their_turn(collector):
    node = Flooding(lambda n: f"2: eth0    inet6 fd00::{n:x}/128 scope global eth0".encode())
    seen, events = watch(node)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    await run_until(collector, seen, lambda: any(isinstance(event, SourceLost) for event in events))
    beside.cancel()
    assert node.said == FLOOD_LINES + 1
    assert turns >= FLOOD_LINES // TURN_LINES
    assert f"more than {FLOOD_LINES} lines within 5 s" in events[-1].reason
    assert events[-1].flood
