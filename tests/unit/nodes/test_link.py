"""The link keeper: up, down with a reason, up again, for ever."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from iamops.model.events import LinkChanged
from iamops.model.facts import Link, LinkState
from iamops.nodes import link as link_module
from iamops.nodes.link import LONGEST_DELAY_S, PATIENT_DELAY_S, STABLE_AFTER_S, Backoff, NodeLink
from iamops.nodes.ssh.connector import SshLimits
from iamops.nodes.transport import (
    AuthFailed,
    CommandTimeout,
    ConnectRefused,
    LinkLost,
    PeerHung,
    Transport,
    TransportError,
)
from tests.support.cable import cable_to
from tests.support.ssh_node import Operator, StartNode, public
from tests.support.transport import ScriptedTransport

REFUSED = ConnectRefused("iam-a", "refused", "start sshd")
HUNG = PeerHung("iam-a", "hangs", "wait")


class Seeded(random.Random):
    """Chance that can be repeated."""

    def __init__(self) -> None:
        super().__init__(20)


class Middle(random.Random):
    """Always the middle of the range."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


class Answers:
    """A connector that gives these answers in turn, and the last one for ever."""

    def __init__(self, *answers: ScriptedTransport | Exception) -> None:
        self._answers = list(answers)
        self.attempts = 0

    async def connect(self) -> Transport:
        self.attempts += 1
        await asyncio.sleep(0)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Watcher:
    """Collects what the link reports, and lets a test wait for it."""

    def __init__(self) -> None:
        self.events: list[LinkChanged] = []
        self._news = asyncio.Event()

    def __call__(self, event: LinkChanged) -> None:
        self.events.append(event)
        self._news.set()

    async def sees(self, state: LinkState, kind: str | None = None, *, times: int = 1) -> Link:
        async with asyncio.timeout(10):
            while True:
                found = [e.link for e in self.events if e.link.state is state and e.link.kind == kind]
                if len(found) >= times:
                    return found[-1]
                self._news.clear()
                await self._news.wait()


async def idle(transport: Transport) -> None:
    await asyncio.Event().wait()


@pytest.fixture(autouse=True)
def _short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "FIRST_DELAY_S", 0.001)
    monkeypatch.setattr(link_module, "LONGEST_DELAY_S", 0.004)


def tasks_of_console() -> set[str]:
    """Tasks that run code of the console, in a loop that has the server's tasks too."""
    return {str(task) for task in asyncio.all_tasks() if f"{os.sep}console{os.sep}" in str(task)}


@contextlib.asynccontextmanager
async def running(
    connector: object,
    watcher: Watcher,
    session: Callable[[Transport], Awaitable[None]] = idle,
    clock: Callable[[], float] = lambda: 1000.0,
) -> AsyncIterator[NodeLink]:
    """A link in its task; afterwards none of its tasks may be left."""
    before = tasks_of_console()
    link = NodeLink("iam-a", connector, session, watcher, clock, Middle())
    task = asyncio.ensure_future(link.run())
    try:
        yield link
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert tasks_of_console() == before


async def test_a_connection_is_reported_and_served() -> None:
    watcher, served = Watcher(), asyncio.Event()
    transport = ScriptedTransport("iam-a")

    async def session(given: Transport) -> None:
        assert given is transport
        served.set()
        await idle(given)

    async with running(Answers(transport), watcher, session) as link:
        up = await watcher.sees(LinkState.UP)
        await asyncio.wait_for(served.wait(), 5)
        assert link.transport is transport

    assert up == Link(LinkState.UP, 1000.0, login_s=0.0)
    assert link.transport is None


async def test_how_long_the_login_took_is_told() -> None:
    watcher, times = Watcher(), iter((1000.0, 1000.0, 1005.2))
    async with running(Answers(ScriptedTransport("iam-a")), watcher, clock=lambda: next(times, 1005.2)):
        assert round((await watcher.sees(LinkState.UP)).login_s or 0.0, 1) == 5.2


async def test_a_failed_attempt_says_kind_reason_and_next_step() -> None:
    watcher = Watcher()

    async with running(Answers(REFUSED), watcher):
        down = await watcher.sees(LinkState.DOWN, "refused")

    assert down == Link(LinkState.DOWN, 1000.0, "refused", "refused", "start sshd")


async def test_it_tries_for_ever_and_says_the_same_reason_once() -> None:
    watcher, connector = Watcher(), Answers(*[REFUSED] * 20, ScriptedTransport("iam-a"))

    async with running(connector, watcher):
        await watcher.sees(LinkState.UP)

    assert connector.attempts == 21
    assert [event.link.state for event in watcher.events] == [LinkState.DOWN, LinkState.UP]


async def test_a_new_reason_is_told_but_the_outage_keeps_its_beginning() -> None:
    watcher, times = Watcher(), iter(range(100, 200))

    async with running(Answers(REFUSED, HUNG), watcher, clock=lambda: float(next(times))):
        first = await watcher.sees(LinkState.DOWN, "refused")
        second = await watcher.sees(LinkState.DOWN, "hung")

    assert first.since == second.since


async def test_a_lost_connection_ends_the_session_and_comes_back() -> None:
    watcher, ended = Watcher(), asyncio.Event()
    first, second = ScriptedTransport("iam-a"), ScriptedTransport("iam-a")

    async def session(transport: Transport) -> None:
        try:
            await idle(transport)
        finally:
            ended.set()

    async with running(Answers(first, second), watcher, session):
        await watcher.sees(LinkState.UP)
        first.drop(HUNG)
        down = await watcher.sees(LinkState.DOWN, "hung")
        await watcher.sees(LinkState.UP, times=2)
        assert ended.is_set()

    assert down.reason == "hangs"


async def test_a_session_that_fails_takes_its_connection_down() -> None:
    watcher = Watcher()
    transports = [ScriptedTransport("iam-a"), ScriptedTransport("iam-a")]

    async def session(transport: Transport) -> None:
        if transport is transports[0]:
            raise CommandTimeout("iam-a", "no end of `ip`", "look")
        await idle(transport)

    async with running(Answers(*transports), watcher, session):
        await watcher.sees(LinkState.DOWN, "command-timeout")
        await watcher.sees(LinkState.UP, times=2)

    assert await transports[0].wait_closed() is None


async def test_a_session_that_is_over_leaves_the_link_up() -> None:
    watcher = Watcher()
    transport = ScriptedTransport("iam-a")

    async def session(_transport: Transport) -> None:
        return

    async with running(Answers(transport, REFUSED), watcher, session):
        await watcher.sees(LinkState.UP)
        transport.drop(LinkLost("iam-a", "gone", "none"))
        await watcher.sees(LinkState.DOWN, "link-lost")


async def test_a_fault_of_ours_in_a_session_is_told_and_the_link_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link_module, "FIRST_DELAY_S", 0.0)
    first, second = ScriptedTransport("iam-a"), ScriptedTransport("iam-a")
    watcher = Watcher()

    async def session(transport: Transport) -> None:
        if transport is first:
            raise ZeroDivisionError("by zero")
        await asyncio.Event().wait()

    link = NodeLink("iam-a", Answers(first, second), session, watcher, lambda: 0.0)
    task = asyncio.create_task(link.run())
    down = await watcher.sees(LinkState.DOWN, "fault")
    assert down.reason == "a fault of iamops: ZeroDivisionError: by zero"
    await watcher.sees(LinkState.UP, times=2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await first.wait_closed() is None


@pytest.mark.parametrize(
    "error", [AttributeError("session_started"), RecursionError(), OSError(5, "x"), EOFError()]
)
async def test_whatever_connecting_fails_of_is_told_and_tried_again(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "FIRST_DELAY_S", 0.0)
    watcher = Watcher()
    async with running(Answers(error, ScriptedTransport("iam-a")), watcher):
        assert type(error).__name__ in (await watcher.sees(LinkState.DOWN, "fault")).reason
        await watcher.sees(LinkState.UP)


async def test_retry_now_does_not_wait_for_the_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "FIRST_DELAY_S", 3600.0)
    monkeypatch.setattr(link_module, "LONGEST_DELAY_S", 3600.0)
    watcher = Watcher()

    async with running(Answers(REFUSED, ScriptedTransport("iam-a")), watcher) as link:
        await watcher.sees(LinkState.DOWN, "refused")
        await asyncio.sleep(0)
        link.retry_now()
        await watcher.sees(LinkState.UP)


async def test_a_real_peer_that_hangs_goes_down_and_comes_back(start_node: StartNode, operator: Operator) -> None:
    node = await start_node()
    operator.has_key()
    watcher = Watcher()
    limits = SshLimits(connect_s=0.2, login_s=0.3, keepalive_s=0.1, keepalive_misses=2)
    async with cable_to(node.port) as cable:
        operator.knows(f"[127.0.0.1]:{cable.port} {public(node.host_key)}")
        async with running(operator.connector(cable.port, limits=limits), watcher):
            await watcher.sees(LinkState.UP)
            cable.freeze()
            await watcher.sees(LinkState.DOWN, "hung")
            await watcher.sees(LinkState.DOWN, "timeout")
            cable.thaw()
            await watcher.sees(LinkState.UP, times=2)


# --- the delays ---


def delays(error: TransportError, count: int, rng: random.Random | None = None) -> list[float]:
    backoff = Backoff(rng or Middle())
    return [backoff.after(error) for _ in range(count)]


@pytest.fixture
def _real_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()


@pytest.mark.usefixtures("_real_delays")
def test_delays_double_up_to_the_longest() -> None:
    assert delays(REFUSED, 8) == pytest.approx([0.15, 0.3, 0.6, 1.2, 2.4, 3.75, 3.75, 3.75])


@pytest.mark.usefixtures("_real_delays")
def test_no_delay_is_longer_than_the_longest_however_often_it_failed() -> None:
    found = delays(REFUSED, 5000, Seeded())

    assert max(found) <= LONGEST_DELAY_S
    assert min(found[10:]) >= LONGEST_DELAY_S / 2
    assert len({round(delay, 6) for delay in found[10:]}) > 4000


@pytest.mark.usefixtures("_real_delays")
def test_what_only_a_person_can_mend_is_tried_patiently() -> None:
    found = delays(AuthFailed("iam-a", "no", "ssh-add"), 12)

    assert max(found) == PATIENT_DELAY_S * 0.75


@pytest.mark.usefixtures("_real_delays")
def test_a_link_that_held_starts_over_and_one_that_flaps_does_not() -> None:
    backoff = Backoff(Middle())
    first = backoff.after(HUNG, up_s=STABLE_AFTER_S)
    backoff.after(REFUSED)

    assert backoff.after(HUNG, up_s=1.0) > first
    assert backoff.after(HUNG, up_s=STABLE_AFTER_S) == first
