"""A destination that takes messages, or refuses them, as a test says."""

from __future__ import annotations

import asyncio

from iamops.ledger.outbox import OutboxMessage
from iamops.session.watch.destinations import NotDelivered


class Post:
    """A destination that refuses as often as it is told to, or takes its time."""

    def __init__(self, key: str, refusals: int = 0) -> None:
        self.key = self.shown = key
        self.refusals = refusals
        self.took: list[str] = []
        self.notes: list[str] = []
        self.tries = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def deliver(self, parcel: OutboxMessage, note: str = "") -> None:
        self.tries += 1
        await self.gate.wait()
        if self.refusals > 0:
            self.refusals -= 1
            raise NotDelivered("not now")
        self.took.append(parcel.message.title)
        self.notes.append(note)
