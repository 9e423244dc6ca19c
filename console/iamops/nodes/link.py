"""Keeps one connection to a node for ever: connect, serve, report why it went down, try again."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import NoReturn

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
# What only a person can fix is not tried so often: a dozen refused logins a minute would get the console's
# address banned.
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

    `on_change` is called for every change, and for every new reason for being down. Any error in the session or
    in connecting ends the connection, and everything starts again: one that is no TransportError is reported as a
    fault of iamops.
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
            began = self._clock()
            try:
                error, up_s = await self._once()
            except Exception as unexpected:
                error = link_failure(unexpected) or OwnFault(self.node, fault_of_ours(unexpected), REPORT_IT)
                up_s = self._clock() - began
            self._report(Link(LinkState.DOWN, None, error.kind, error.reason, error.next_step))
            self._retry.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._backoff.after(error, up_s)):
                    await self._retry.wait()

    async def _once(self) -> tuple[TransportError, float]:
        """One attempt, and the full life of the connection if there was one: why it is over, and its age."""
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
            # A session that is over without failing leaves the link as it is.
            error = session.exception() if session.done() and not session.cancelled() else None
            if error is not None and not isinstance(error, TransportError):
                raise error
            if error is None or closed.done():
                by_us = LinkLost(self.node, "the connection was closed", "nothing to do: it is made again")
                return await closed or by_us
            return error
        finally:
            session.cancel()
            closed.cancel()
            await asyncio.gather(session, closed, return_exceptions=True)

    def _report(self, link: Link) -> None:
        """Reports a change. `since` is when this state began, however often its reason changes."""
        now = self._clock()
        link = replace(link, since=self._link.since if link.state is self._link.state else now)
        if link != self._link:
            self._link = link
            self._on_change(LinkChanged(now, self.node, link))
