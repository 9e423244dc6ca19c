"""The lines that are kept: the newest few thousand of all nodes, in the order in which they were written."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from dataclasses import replace

from console.model.facts import Severity
from console.model.log_line import LogLine, LogPage, LogSource, Reach

LINES_KEPT = 5000
# Lines are short. Somebody who writes long ones must not fill the operator's memory with them.
CHARS_KEPT = 4_000_000
# Lines of one record that are kept with it, and how far back it is looked for.
MORE_KEPT = 200
FOLD_BACK = 500
# Whose last record is known; a speaker is a unit of a node, and a pair has a dozen.
SPEAKERS_KEPT = 200


class LogRing:
    """Bounded in lines and in characters. A line that has to go before anybody could see it counts as dropped."""

    def __init__(self, lines: int = LINES_KEPT, chars: int = CHARS_KEPT) -> None:
        self._room, self._chars_room = lines, chars
        self._lines: list[LogLine] = []
        self._chars = 0
        self._added = 0
        self._shown = 0
        self._marked: set[int] = set()
        self._dropped = 0
        self._open: dict[str, int] = {}
        self._begun: dict[tuple[str, LogSource], float] = {}

    def begin(self, node: str, source: LogSource, at: float) -> None:
        """A source is read from now on, with some lines of before."""
        self._begun.setdefault((node, source), at)

    def fold(self, speaker: str, text: str) -> bool:
        """Puts a line into the speaker's last record. False: that is not kept any more."""
        number = self._open.get(speaker)
        for at in range(len(self._lines) - 1, max(-1, len(self._lines) - FOLD_BACK), -1):
            line = self._lines[at]
            if line.number != number:
                continue
            if len(line.more) < MORE_KEPT:
                self._lines[at] = replace(line, more=(*line.more, text))
                self._chars += len(text)
                self._trim()
            else:
                self._lines[at] = replace(line, left_out=line.left_out + 1)
            return True
        return False

    def add(
        self, at: float, node: str, source: LogSource, text: str, severity: Severity, speaker: str = ""
    ) -> None:
        """Puts a line in its place by time: usually the last, or close to it. `speaker` may go on with it."""
        self._added += 1
        if speaker:
            self._open.pop(speaker, None)
            self._open[speaker] = self._added
            if len(self._open) > SPEAKERS_KEPT:
                del self._open[next(iter(self._open))]
        line = LogLine(at, node, source, text, severity, self._added)
        if not self._lines or self._lines[-1].at <= at:
            self._lines.append(line)
        else:
            insort(self._lines, line, key=lambda each: each.place)
        self._chars += len(text)
        self._trim()

    def drop(self) -> None:
        """Counts a line that was not even kept."""
        self._dropped += 1

    def mark(self, number: int) -> bool:
        """Marks a line or takes its mark away; True if it is marked now. One that is gone has no mark."""
        if any(line.number == number for line in self._lines):
            self._marked ^= {number}
        return number in self._marked

    def page(self) -> LogPage:
        """What is kept now. Whoever asks is taken to have shown it."""
        self._shown = self._added
        return LogPage(tuple(self._lines), frozenset(self._marked), self._dropped, tuple(self._reaches()))

    def _reaches(self) -> Iterator[Reach]:
        """A source reaches back to its oldest line that is kept; without one, to when it began to be read."""
        wanted = dict(self._begun)
        for line in self._lines:
            if not wanted:
                return
            if wanted.pop((line.node, line.source), None) is not None:
                yield Reach(line.node, line.source, line.at)
        yield from (Reach(node, source, at) for (node, source), at in wanted.items())

    def _trim(self) -> None:
        while len(self._lines) > self._room or self._chars > self._chars_room:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        oldest = self._lines.pop(0)
        self._chars -= len(oldest.text) + sum(map(len, oldest.more))
        self._marked.discard(oldest.number)
        self._dropped += oldest.number > self._shown
