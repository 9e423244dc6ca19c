"""What happened on a cluster, as one list in time."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from iamops.model.facts import Severity


class TimelineEventKind(StrEnum):
    VIP = "vip"
    UNIT = "unit"
    CONFIG = "config"
    TRAFFIC = "traffic"
    ACTION = "action"
    BOOT = "boot"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One line of a timeline. `at`: epoch s on our clock; `source`: where it comes from; `text` is sanitised.

    `subject` is the instance, check or unit it is about, `word` the state it entered; `bad`: it ended or failed.
    """

    at: float
    kind: TimelineEventKind
    text: str
    source: str
    node: str | None = None
    subject: str = ""
    word: str = ""
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened, oldest first, and which sources could not tell their part, in words."""

    events: tuple[TimelineEvent, ...] = ()
    unavailable: tuple[str, ...] = ()


# A line of a log as the Logs view shows it, whichever node and file it came from.


class LogSource(StrEnum):
    """Where a line was written. MARK is an event of the cluster, READER what the reading itself has to say."""

    ACCESS = "access"
    ERROR = "error"
    JOURNAL = "journal"
    MARK = "event"
    READER = "iamops"


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `at` is session time; `node` is empty for what is about the whole cluster.

    `text` is sanitised, and so are the lines of `more`, which belong to the same record; `left_out` is how many of
    those are not kept. `number` counts lines in the order in which they arrived; it is a line's identity.
    """

    at: float
    node: str
    source: LogSource
    text: str
    severity: Severity = Severity.INFO
    number: int = 0
    more: tuple[str, ...] = ()
    left_out: int = 0

    @property
    def place(self) -> tuple[float, int]:
        """Where it stands among the others: by time, then as it arrived."""
        return (self.at, self.number)


@dataclass(frozen=True, slots=True)
class Reach:
    """From when on (session time) the lines of one source of a node are here: earlier ones were not read."""

    node: str
    source: LogSource
    at: float


@dataclass(frozen=True, slots=True)
class LogPage:
    """The lines that are kept, oldest first, the numbers of those a person marked, how many were lost, and how
    far back each source that is read reaches.
    """

    lines: tuple[LogLine, ...] = ()
    marked: frozenset[int] = field(default_factory=frozenset)
    dropped: int = 0
    reaches: tuple[Reach, ...] = ()

    def is_marker(self, line: LogLine) -> bool:
        return line.source is LogSource.MARK or line.number in self.marked


# A ledger's head in a node's journal: what a run writes there, and what of it is read back.

LEDGER_CHARS, HEAD_CHARS, PLACE_CHARS = 16, 32, 12


@dataclass(frozen=True, slots=True)
class Anchor:
    """How far a ledger went. `ledger` is the beginning of its first record's hash, `head` that of record `n`'s;
    `place` stands for the file and the machine it lies on.
    """

    ledger: str
    n: int
    head: str
    place: str

    @property
    def words(self) -> str:
        return f"ledger={self.ledger} n={self.n} head={self.head} place={self.place}"


@dataclass(frozen=True, slots=True)
class AnchorLine:
    """An anchor as a journal has it. `at`: epoch s by the node's clock; `uid`: who wrote it, by journald's own
    word; `by`: whom the line names, sanitised.
    """

    anchor: Anchor
    at: float
    run: str
    uid: int | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Chain:
    """A ledger's whole records as (n, head). `ledger` is None if there is none; `last` is the highest n or 0."""

    ledger: str | None
    heads: frozenset[tuple[int, str]]
    last: int


def anchor_of(first_hash: str, n: int, hash_: str, place: str) -> Anchor:
    """From the hashes (64 hex digits) of a ledger's first record and of record n."""
    return Anchor(first_hash[:LEDGER_CHARS], n, hash_[:HEAD_CHARS], place)


def noted(run: str, anchor: Anchor | None, text: str) -> str:
    """A run's line for a node's journal. The anchor comes before every word that somebody may choose."""
    return " ".join(["run=" + run, *([anchor.words] if anchor is not None else []), text])
