"""A node's logs as they are written: two long-lived commands, one for nginx's files and one for the journal.

Both files come over one channel, because sshd allows few, and actions must always find a free one.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from iamops.accesslog.format import named_format
from iamops.accesslog.line import access_line, error_severity, journal_severity, log_text, logged_at, zone_offset
from iamops.model.facts import Severity
from iamops.model.journal import LogSource
from iamops.model.profile import Profile
from iamops.model.timestamps import calendar_time
from iamops.nodes.collect.context import RETRY_SOURCE_S, ended
from iamops.nodes.supervisor import first_failure
from iamops.nodes.transport import Clock, CommandFailed, LineStream, Transport, TransportError
from iamops.parse.journal import JournalRecord, is_echo, journal_record
from iamops.parse.systemd import level_of
from iamops.redact.detectors.lines import Speakers

HISTORY_LINES = 100
LINES_PER_S = 2000.0
# After this many lines at a stretch the screen and the keyboard have a turn.
TURN_LINES = 250
ZONE_TIMEOUT_S = 5.0
# A line that was written much earlier than it came, or later, has a wrong time.
LATE_S, EARLY_S = 60.0, 5.0

# tail prints which file a line is from, and goes on trying those it cannot read. It reports those only on
# stderr, which a running stream does not show, so the shell does it first.
FILES = 'for f do [ -r "$f" ] || echo "? $f"; done; exec tail -n "$0" -v -F -- "$@" 2>/dev/null'
# journalctl leaves out a field of more than 4096 bytes without --all.
TOO_LONG = "(no text, or more than journalctl shows without --all)"
# Lines of one record come at once.
RECORD_S = 1.0
# The most units whose records are distinguished: there are a dozen.
SPEAKERS_MOST = 200
LOUDNESS = {"fatal": Severity.CRITICAL, "error": Severity.CRITICAL, "warning": Severity.WARNING}
JOURNAL_FIELDS = "MESSAGE,UNIT,_SYSTEMD_UNIT,_SOURCE_REALTIME_TIMESTAMP,PRIORITY"


class LogReceiver(Protocol):
    """Receives what is read on one node."""

    def line(self, at: float, source: LogSource, text: str, severity: Severity, speaker: str = "") -> None: ...

    def further(self, speaker: str, text: str) -> bool:
        """A line of the record that `speaker` last began. False: that one is not kept any more."""

    def dropped(self) -> None:
        """A line came faster than lines are kept."""

    def begins(self, source: LogSource) -> None:
        """A source is read from now on, with some older lines."""

    def hole(self, at: float, source: LogSource) -> None:
        """Of what was written right before `at` not all was read: it was more than is asked for again."""

    def silent(self, what: str, reason: str) -> None:
        """`what` (a path, or the journal) is not being read. An empty reason: it is again."""


@dataclass(slots=True)
class Quota:
    """A token bucket: how many lines a second are kept of one source."""

    per_s: float = LINES_PER_S
    left: float = LINES_PER_S
    asked_at: float = float("-inf")

    def allows(self, now: float) -> bool:
        self.left = min(self.per_s, self.left + (now - self.asked_at) * self.per_s)
        self.asked_at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass(slots=True)
class Intake:
    """One source of one node, over any number of connections: bounded, dated, and no line twice."""

    source: LogSource
    receiver: LogReceiver
    clock: Clock
    ahead_s: Callable[[], float]
    _quota: Quota = field(default_factory=Quota)
    _last: deque[int] = field(default_factory=lambda: deque(maxlen=HISTORY_LINES))
    _read_before: Counter[int] = field(default_factory=Counter)
    _history_left: int = 0
    _joins: bool = False
    _hole: bool = False

    def restart(self) -> None:
        """The next lines are history, and some of them may have been read over the last connection."""
        self.receiver.begins(self.source)
        self._joins, self._hole = bool(self._last), False
        self._read_before = Counter(self._last)
        self._history_left = HISTORY_LINES

    def wants(self, line: bytes) -> bool:
        """Whether the line is new, and not one too many. To be called once for every line."""
        mark = hash(line)
        if self._joins:
            # History begins with its oldest line: where that is new, there may be more before it.
            self._joins, self._hole = False, self._read_before[mark] == 0
        if self._history_left and self._read_before[mark] > 0:
            self._read_before[mark] -= 1
            self._history_left -= 1
            return False
        self._last.append(mark)
        if self._quota.allows(self.clock()):
            return True
        self._history_left = 0
        self.receiver.dropped()
        return False

    def take(self, logged: float | None, text: str, severity: Severity, speaker: str = "") -> None:
        """A line that was wanted. `logged` is when it was written by the node's clock."""
        now = self.clock()
        history = self._history_left > 0
        self._history_left -= history
        at = placed(logged, now, self.ahead_s(), history=history)
        if self._hole:
            self._hole = False
            self.receiver.hole(at, self.source)
        self.receiver.line(at, self.source, text, severity, speaker)


class NodeLogs:
    """Reads one node's logs over one connection after another. `ahead_s` is by how much its clock is ahead."""

    def __init__(
        self, node: str, profile: Profile, receiver: LogReceiver, clock: Clock, ahead_s: Callable[[], float]
    ) -> None:
        self._profile = profile
        self._receiver = receiver
        self._zone_s = 0
        self._form = named_format(profile.logs.format)
        self._units = profile.units_on(node)
        paths = {profile.logs.access: LogSource.ACCESS, profile.logs.error: LogSource.ERROR}
        self._files = {path: Intake(source, receiver, clock, ahead_s) for path, source in paths.items()}
        self._speakers = Speakers()
        self._records = Records()
        self._journal = Intake(LogSource.JOURNAL, receiver, clock, ahead_s)

    async def read(self, transport: Transport) -> None:
        """Until the connection ends. Raises the TransportError that ended it."""
        try:
            # nginx's error log names no zone.
            result = await transport.run(("date", "+%z"), timeout_s=ZONE_TIMEOUT_S)
            self._zone_s = zone_offset(result.text)
        except CommandFailed:
            self._zone_s = 0
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._restart_forever("its log files", lambda: self._follow_files(transport)))
                group.create_task(self._restart_forever("its journal", lambda: self._follow_journal(transport)))
        except* TransportError as failures:
            raise first_failure(failures) from None

    async def _restart_forever(self, what: str, follow: Callable[[], Awaitable[str]]) -> None:
        while True:
            try:
                reason = await follow()
            except CommandFailed as failure:
                reason = failure.reason
            self._receiver.silent(what, reason)
            await asyncio.sleep(RETRY_SOURCE_S)

    async def _follow_files(self, transport: Transport) -> str:
        for intake in self._files.values():
            intake.restart()
        headers = {f"==> {path} <==".encode(): path for path in self._files}
        missing = {f"? {path}".encode(): path for path in self._files}
        current: Intake | None = None
        async with transport.stream(("sh", "-c", FILES, str(HISTORY_LINES), *self._files)) as lines:
            self._receiver.silent("its log files", "")
            async for raw in _with_turns(lines):
                if not raw:
                    continue  # tail puts one before each header; an empty line of a log says nothing either
                if raw in headers:
                    current = self._files[headers[raw]]
                    self._receiver.silent(headers[raw], "")
                elif current is None:
                    if raw in missing:
                        self._receiver.silent(missing[raw], "it cannot be read by the login user")
                elif current.wants(raw):
                    if current.source is LogSource.ACCESS:
                        at, severity = access_line(self._form, raw, self._zone_s)
                    else:
                        at, severity = logged_at(raw, self._zone_s), error_severity(raw)
                    current.take(at, log_text(raw), severity)
            return ended("tail", lines.ending)

    async def _follow_journal(self, transport: Transport) -> str:
        self._journal.restart()
        argv = ("journalctl", "--follow", f"--lines={HISTORY_LINES}", "--output=json")
        units = [f"--unit={unit}.service" for unit in self._units]
        async with transport.stream((*argv, f"--output-fields={JOURNAL_FIELDS}", *units)) as lines:
            self._receiver.silent("its journal", "")
            async for raw in _with_turns(lines):
                if self._journal.wants(raw) and (record := journal_record(raw, self._speakers)) is not None:
                    self._journal_record(record, raw)
            return ended("journalctl", lines.ending)

    def _journal_record(self, record: JournalRecord, raw: bytes) -> None:
        if is_echo(record.message):
            return  # of the console's own request for a dump
        level, speaker, text = None, "", f"systemd: {record.message}"
        if not record.by_systemd:
            level, speaker = self._records.level(record), record.unit
            if level is None and self._receiver.further(record.unit, record.message):
                return
            text = f"{record.unit}: {record.message or TOO_LONG}"
        # The journal's priority where that is of use, else the level in the line itself.
        severity = journal_severity(raw)
        if severity is None:
            severity = LOUDNESS.get(level or "", Severity.INFO)
        self._journal.take(record.at or None, text, severity, speaker)


async def _with_turns(lines: LineStream) -> AsyncIterator[bytes]:
    count = 0
    async for line in lines:
        yield line
        if (count := count + 1) % TURN_LINES == 0:
            await asyncio.sleep(0)


class Records:
    """Which lines of the journal begin a record. A service that gives its lines a time or a level begins each
    record with one, and what follows at once without is the rest of it.
    """

    def __init__(self) -> None:
        self._shaped: set[str] = set()
        self._last: dict[str, float] = {}

    def level(self, record: JournalRecord) -> str | None:
        """The level in the line, `other` where there is none. None: the line goes on with a record."""
        level = level_of(record.message)
        if record.unit not in self._last and len(self._last) >= SPEAKERS_MOST:
            self._last.clear()
            self._shaped.clear()
        if level is not None:
            self._shaped.add(record.unit)
        close = abs(record.at - self._last.get(record.unit, float("-inf"))) <= RECORD_S
        self._last[record.unit] = record.at
        goes_on = close and (record.unit in self._shaped or record.message[:1].isspace())
        return level or (None if goes_on else "other")


def placed(logged: float | None, now: float, ahead_s: float = 0.0, *, history: bool) -> float:
    """The time of a line that came at `now`, from a node whose clock is `ahead_s` ahead of ours.

    Most logs have full seconds only. A line that comes within its second is dated when it came; one that comes
    later was written at that second's end at the latest.
    """
    written = None if logged is None else calendar_time(logged - ahead_s)
    if logged is None or written is None:
        return now
    if written > now + EARLY_S or (written < now - LATE_S and not history):
        return now
    if history or logged != int(logged):
        return written
    return min(max(now, written), written + 0.999)
