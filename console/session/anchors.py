"""What every node of a cluster remembers of ledgers, asked at once."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from console.model.profile import Profile
from console.nodes.anchor_lines import JournalSaid, anchors_of
from console.nodes.supervisor import reason_of
from console.nodes.transport import Transport, TransportError
from console.session.connections import attempts


async def journals(profile: Profile, ledger: str | None, places: Collection[str]) -> Mapping[str, JournalSaid]:
    """By node, for the ledger of this id or at one of these places. Raises for no node: one may be `unread`."""

    async def asked(made: Transport | TransportError) -> JournalSaid:
        if isinstance(made, TransportError):
            return JournalSaid(unread=made.reason)
        try:
            return await anchors_of(made, ledger, places)
        except Exception as error:
            return JournalSaid(unread=reason_of(error))

    async with attempts(profile) as nodes:
        said = await asyncio.gather(*(asked(each) for each in nodes.values()))
        return dict(zip(nodes, said, strict=True))
