"""Keeps one connection to a node for ever: connect, serve, say why it went down, try again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, NoReturn

from iamops.model.events import LinkChanged
from iamops.model.facts import Link, LinkState
from iamops.nodes.supervisor import link_failure
from iamops.nodes.transport import (
    REPORT_IT,
    AuthFailed,
    Connector,
    HostKeyChanged,
    HostKeyUnknown,
    LinkLost,
    OwnFault,
    SshConfigInvalid,
    Transport,
    TransportError,
)
from iamops.redact.clean import fault_of_ours

Session = Callable[[Transport], Awaitable[None]]
OnChange = Callable[[LinkChanged], None]

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 5.0
# What only a person can put right is not tried so often: a dozen refused logins a minute would get
# the console's address banned.
PATIENT_DELAY_S = 60.0
STABLE_AFTER_S = 10.0
NEEDS_A_PERSON = (AuthFailed, HostKeyChanged, HostKeyUnknown, SshConfigInvalid)


class Backoff:
    """The delays between attempts: doubling, jittered, capped. A link that held for a while resets them."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._failures = 0

    def after(self, error: TransportError, up_s: float = 0.0) -> float:
        """Seconds to wait, after a connection that lived `up_s` seconds (0: none was made)."""
        self._failures = 1 if up_s >= STABLE_AFTER_S else self._failures + 1
        doubled = FIRST_DELAY_S * 2.0 ** min(self._failures - 1, 16)
        longest = PATIENT_DELAY_S if isinstance(error, NEEDS_A_PERSON) else LONGEST_DELAY_S
        # Half of it is random: fifty nodes lost together must not come back in step.
        return min(longest, doubled) * self._rng.uniform(0.5, 1.0)


class NodeLink:
    """Owns the connection to one node. `session` is run on each one and cancelled when it ends.

    `on_change` hears of every change, and of every new reason for being down. A session that raises
    TransportError ends its connection, and so does whatever else it or the connecting raises: a fault of iamops is
    told as the reason, and everything is begun again.
    """

    def __init__(
        self,
        node: str,
        connector: Connector,
        session: Session,
        on_change: OnChange,
        clock: Callable[[], float],
        rng: random.Random | None = None,
    ) -> None:
        self.node = node
        self.transport: Transport | None = None
        self._connector = connector
        self._session = session
        self._on_change = on_change
        self._clock = clock
        self._backoff = Backoff(rng or random.Random())  # noqa: S311 - jitter, not secrecy
        self._retry = asyncio.Event()
        self._link = Link()

    def retry_now(self) -> None:
        """Ends the wait before the next attempt, if there is one."""
        self._retry.set()

    async def run(self) -> NoReturn:
        """Runs until cancelled. Leaves no task and no connection behind."""
        while True:
            error, up_s = await self._lived()
            self._report(Link(LinkState.DOWN, None, error.kind, error.reason, error.next_step))
            await self._pause(self._backoff.after(error, up_s))

    async def _lived(self) -> tuple[TransportError, float]:
        """The edge of everything that is done with one node: an unexpected error is the end of one connection."""
        began = self._clock()
        try:
            return await self._once()
        except Exception as error:
            failure = link_failure(error) or OwnFault(self.node, fault_of_ours(error), REPORT_IT)
            return failure, self._clock() - began

    async def _once(self) -> tuple[TransportError, float]:
        """One attempt, and the connection's whole life if it came to one: why it is over, and its age."""
        begun = self._clock()
        try:
            transport = await self._connector.connect()
        except TransportError as error:
            return error, 0.0
        began = self._clock()
        self.transport = transport
        try:
            self._report(Link(LinkState.UP, login_s=began - begun))
            why = await self._serve(transport)
        finally:
            self.transport = None
            await transport.close()
        return why, self._clock() - began

    async def _serve(self, transport: Transport) -> TransportError:
        """Runs the session until it or the connection fails; the connection's own reason goes first."""
        closed = asyncio.ensure_future(transport.wait_closed())
        session = asyncio.ensure_future(self._session(transport))
        try:
            await asyncio.wait((closed, session), return_when=asyncio.FIRST_COMPLETED)
            failure = _failure(session)
            if failure is None or closed.done():
                return await closed or self._closed_by_us()
            return failure
        finally:
            await _cancelled(session, closed)

    def _closed_by_us(self) -> TransportError:
        return LinkLost(self.node, "the connection was closed", "nothing to do: it is made again")

    async def _pause(self, delay_s: float) -> None:
        self._retry.clear()
        try:
            async with asyncio.timeout(delay_s):
                await self._retry.wait()
        except TimeoutError:
            return

    def _report(self, link: Link) -> None:
        """Tells of a change. `since` is when this state began, however often its reason changes."""
        now = self._clock()
        since = self._link.since if link.state is self._link.state else now
        told = replace(link, since=since)
        if told != self._link:
            self._link = told
            self._on_change(LinkChanged(now, self.node, told))


def _failure(session: asyncio.Future[None]) -> TransportError | None:
    """Why the session failed. A session that is over without failing leaves the link as it is."""
    error = session.exception() if session.done() and not session.cancelled() else None
    if error is None or isinstance(error, TransportError):
        return error
    raise error


async def _cancelled(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
