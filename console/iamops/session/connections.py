"""Connections for one look: every node of a profile at once, closed again afterwards."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

from iamops.model.profile import Profile
from iamops.nodes.ssh.connector import SshConnector
from iamops.nodes.transport import REPORT_IT, OwnFault, Transport, TransportError
from iamops.redact.clean import fault_of_ours


@contextlib.asynccontextmanager
async def connections(profile: Profile) -> AsyncIterator[Mapping[str, Transport]]:
    """Raises the first node's TransportError when one cannot be reached."""
    async with connection_attempts(profile) as made:
        up: dict[str, Transport] = {}
        for node, outcome in made.items():
            if isinstance(outcome, TransportError):
                raise outcome
            up[node] = outcome
        yield up


@contextlib.asynccontextmanager
async def connection_attempts(profile: Profile) -> AsyncIterator[Mapping[str, Transport | TransportError]]:
    """Every node's connection, or why there is none."""
    connectors = [SshConnector(profile, node) for node in profile.nodes.values()]
    made = await asyncio.gather(*(connector.connect() for connector in connectors), return_exceptions=True)
    outcomes: dict[str, Transport | TransportError] = {}
    try:
        for node, outcome in zip(profile.nodes, made, strict=True):
            if isinstance(outcome, TransportError) or not isinstance(outcome, BaseException):
                outcomes[node] = outcome
            elif isinstance(outcome, Exception):
                # What nobody expected is a fault of ours, and costs this node alone.
                outcomes[node] = OwnFault(node, fault_of_ours(outcome), REPORT_IT)
            else:
                raise outcome
        yield outcomes
    finally:
        for transport in made:
            if not isinstance(transport, BaseException):
                with contextlib.suppress(TransportError):
                    await transport.close()
