"""What every node of a cluster remembers of ledgers, asked at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from console.model.profile import Profile
from console.nodes.anchor_lines import JournalSaid, anchors_of
from console.nodes.transport import Transport, TransportError
from console.session.connections import attempts


async def journals(profile: Profile, ledger: str | None, place: str) -> Mapping[str, JournalSaid]:
    """By node, for the ledger with this id at this place. Never raises for a node: one may be `unread`."""

    async def asked(made: Transport | TransportError) -> JournalSaid:
        if isinstance(made, TransportError):
            return JournalSaid(unread=made.reason)
        return await anchors_of(made, ledger, place)

    async with attempts(profile) as nodes:
        said = await asyncio.gather(*(asked(each) for each in nodes.values()))
        return dict(zip(nodes, said, strict=True))
