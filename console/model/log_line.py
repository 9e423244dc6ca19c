"""A line of a log as the Logs view shows it, whichever node and file it came from. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from console.model.facts import Severity


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
        """Whether it is worth jumping to."""
        return line.source is LogSource.MARK or line.number in self.marked
