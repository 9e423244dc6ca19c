"""Whether files that were to be kept are kept, on every node: asked until it is known, or too late to matter.

A `confirm` whose answer is lost, or that was interrupted, may have been carried out on some nodes and not on
others. The nodes are asked; where one has kept its files, those that still wait are asked to keep theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from console.engine.ports import Eyes, Hands, NotSent, OutcomeUnknown
from console.plan.pushed_files import Fate, FilesSeen, PushedFiles, Side
from console.plan.steps import Step

ASK_AGAIN_S = 0.5
# Later than this a node may be about to take its files back, and must not be asked to keep them.
TOO_LATE_S = 2.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a node has of a push. `seen` None: it did not answer."""

    files: PushedFiles
    seen: FilesSeen | None

    @property
    def fate(self) -> Fate:
        return self.files.fate(self.seen)

    @property
    def side(self) -> Side:
        return self.files.side(self.seen)

    @property
    def text(self) -> str:
        return self.files.told(self.seen)


async def found(hands: Hands, files: PushedFiles) -> Found:
    try:
        return Found(files, await hands.pushed(files))
    except (NotSent, OutcomeUnknown):
        return Found(files, None)


class Keeping:
    """One step that keeps files on several nodes. `fires_at`: node -> when its own timer takes them back."""

    def __init__(
        self, step: Step, hands: Hands, eyes: Eyes, fires_at: Mapping[str, float], tick: Callable[[], None]
    ) -> None:
        self._each = {each.node: each for each in (step, *step.together)}
        self._hands, self._eyes, self._fires_at, self._tick = hands, eyes, fires_at, tick

    async def decided(self) -> tuple[Found, ...]:
        """What became of the push on every node, once nothing more can be done about it."""
        until = max(self._fires_at.values(), default=self._eyes.now()) + TOO_LATE_S
        while True:
            seen = await asyncio.gather(*(found(self._hands, files) for files in self._files()))
            fates = {each.fate for each in seen}
            waits = Fate.WAITING in fates and Fate.KEPT in fates
            if not (waits or Fate.UNSEEN in fates) or self._eyes.now() >= until:
                return tuple(seen)
            if waits:
                await self._keep_too([each.files.node for each in seen if each.fate is Fate.WAITING])
            self._tick()
            await self._pause()

    def _files(self) -> list[PushedFiles]:
        return [each.keeps for each in self._each.values() if each.keeps is not None]

    async def _keep_too(self, nodes: list[str]) -> None:
        """Another node has kept its files already; the push is of one piece."""
        in_time = [n for n in nodes if self._fires_at.get(n, 0.0) - TOO_LATE_S > self._eyes.now()]
        sent = [
            self._hands.run(each.node, each.argv, stdin=each.stdin, timeout_s=each.timeout_s)
            for each in (self._each[node] for node in in_time)
        ]
        for answer in await asyncio.gather(*sent, return_exceptions=True):
            if isinstance(answer, BaseException) and not isinstance(answer, NotSent | OutcomeUnknown):
                raise answer

    async def _pause(self) -> None:
        until = self._eyes.now() + ASK_AGAIN_S
        while (left := until - self._eyes.now()) > 0:
            await self._eyes.changed(left)
