"""What every node of a cluster remembers of ledgers, asked at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from console.model.profile import Profile
from console.nodes.anchor_lines import JournalSaid, anchors_of
from console.nodes.transport import Transport, TransportError
from console.session.connections import attempts


async def journals(profile: Profile) -> Mapping[str, JournalSaid]:
    """By node. Never raises for a node: why one tells nothing is in its answer."""
    async with attempts(profile) as made:
        return await journals_of(made)


async def journals_of(made: Mapping[str, Transport | TransportError]) -> Mapping[str, JournalSaid]:
    said = await asyncio.gather(*(_of(each) for each in made.values()))
    return dict(zip(made, said, strict=True))


async def _of(made: Transport | TransportError) -> JournalSaid:
    return JournalSaid(unread=made.reason) if isinstance(made, TransportError) else await anchors_of(made)
