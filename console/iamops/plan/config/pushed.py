"""The files of one push on one node: their digests alone decide which of them are there. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from iamops.plan.config.change import ABSENT, NodeFilesChange, text_digest

PENDING, CONFIRMED = "pending", "confirmed"


class Side(StrEnum):
    """Which files a node has. `neither`: other ones, or some of each."""

    NEW = "new"
    OLD = "old"
    NEITHER = "neither"
    UNSEEN = "unseen"


class PushOutcome(StrEnum):
    """What became of a push on one node."""

    KEPT = "kept"
    BACK = "taken back"
    WAITING = "in place, not confirmed"
    UNSEEN = "not seen"


@dataclass(frozen=True, slots=True)
class FilesSeen:
    """What a node has and remembers. `outcome`: how the push ended there (`confirmed`, `taken back timer`),
    `pending` while it waits, empty where the node does not know it. `digests`: path -> SHA-256; what is
    not there is left out.
    """

    outcome: str
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PushedFiles:
    """`old` and `new`: path -> SHA-256 before and after, `-` where there is no file."""

    node: str
    push: str
    old: Mapping[str, str]
    new: Mapping[str, str]

    def side(self, seen: FilesSeen | None) -> Side:
        """A push that changes rights only has the same digests on both sides: then the node's word counts."""
        if seen is None:
            return Side.UNSEEN
        is_new = all(seen.digests.get(path, ABSENT) == digest for path, digest in self.new.items())
        is_old = all(seen.digests.get(path, ABSENT) == digest for path, digest in self.old.items())
        if is_new and is_old:
            return Side.NEW if seen.outcome in (PENDING, CONFIRMED) else Side.OLD
        return Side.NEW if is_new else Side.OLD if is_old else Side.NEITHER

    def outcome(self, seen: FilesSeen | None) -> PushOutcome:
        """What the node says of the push counts only where its files agree."""
        match self.side(seen), seen.outcome if seen else "":
            case Side.NEW, outcome if outcome == CONFIRMED:
                return PushOutcome.KEPT
            case Side.NEW, outcome if outcome == PENDING:
                return PushOutcome.WAITING
            case Side.OLD, outcome if outcome not in (PENDING, CONFIRMED):
                return PushOutcome.BACK
        return PushOutcome.UNSEEN

    def has_answer(self, seen: FilesSeen | None) -> str:
        """Which files the node has, as a sentence."""
        if seen is None:
            return f"the files of {self.node} are not seen"
        side, word = self.side(seen), f" ({seen.outcome})" if seen.outcome else ""
        if side is not Side.NEITHER:
            return f"{self.node} has the {side} files{word}"
        pushed = ((path, (self.old[path], self.new[path])) for path in self.old)
        odd = ", ".join(path for path, sides in pushed if seen.digests.get(path, ABSENT) not in sides)
        by_others = f"; changed by another hand: {odd}" if odd else ""
        return f"{self.node} has neither all old nor all new files{word}{by_others}"


def pushed_files(change: NodeFilesChange, push: str) -> PushedFiles:
    """Of the files that differ; what a push leaves alone tells nothing of it."""
    old = {file.path: text_digest(file.old) for file in change.files}
    return PushedFiles(change.node, push, old, {file.path: text_digest(file.new) for file in change.files})
