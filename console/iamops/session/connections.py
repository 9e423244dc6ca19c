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
    async with attempts(profile) as made:
        up: dict[str, Transport] = {}
        for node, each in made.items():
            if isinstance(each, TransportError):
                raise each
            up[node] = each
        yield up


@contextlib.asynccontextmanager
async def attempts(profile: Profile) -> AsyncIterator[Mapping[str, Transport | TransportError]]:
    connectors = [SshConnector(profile, node) for node in profile.nodes.values()]
    made = await asyncio.gather(*(each.connect() for each in connectors), return_exceptions=True)
    up = [each for each in made if not isinstance(each, BaseException)]
    try:
        yield {node: _known(node, each) for node, each in zip(profile.nodes, made, strict=True)}
    finally:
        for transport in up:
            with contextlib.suppress(TransportError):
                await transport.close()


def _known(node: str, made: Transport | BaseException) -> Transport | TransportError:
    """What nobody expected is a fault of ours, and costs this node alone."""
    if isinstance(made, TransportError) or not isinstance(made, BaseException):
        return made
    if not isinstance(made, Exception):
        raise made
    return OwnFault(node, fault_of_ours(made), REPORT_IT)
