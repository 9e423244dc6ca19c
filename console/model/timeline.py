"""What happened on a cluster, as one list in time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class HappeningKind(StrEnum):
    """What sort of thing happened."""

    VIP = "vip"
    UNIT = "unit"
    CONFIG = "config"
    TRAFFIC = "traffic"
    ACTION = "action"
    BOOT = "boot"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a timeline. `at`: epoch s on our clock; `source` says who tells it; `text` is sanitised.

    `subject` is the instance, check or unit it is about, `word` the state it entered; `bad`: it ended or failed.
    """

    at: float
    kind: HappeningKind
    text: str
    source: str
    node: str | None = None
    subject: str = ""
    word: str = ""
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened, oldest first, and which sources could not tell their part, in words."""

    happenings: tuple[Happening, ...] = ()
    untold: tuple[str, ...] = ()
