"""A node's logs as they are written: two long-lived commands, one for nginx's files and one for the journal.

Both files come over one channel, because sshd allows few, and actions must always find a free one.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from iamops.accesslog.format import named_format
from iamops.accesslog.line import access_line, error_severity, journal_severity, log_text, logged_at, zone_offset
from iamops.model.facts import Severity
from iamops.model.journal import LogSource
from iamops.model.profile import Profile
from iamops.model.timestamps import calendar_time
from iamops.nodes.collect.context import RETRY_SOURCE_S, Clock, ended
from iamops.nodes.transport import CommandFailed, LineStream, Transport, TransportError
from iamops.parse.journal import JournalRecord, is_echo, journal_record
from iamops.parse.start_reason import level_of
from iamops.redact.detectors.lines import Speakers

HISTORY_LINES = 100
LINES_PER_S = 2000.0
# So many lines at a stretch, then the screen and the keyboard have a turn.
TURN_LINES = 250
ZONE_TIMEOUT_S = 5.0
# A line that says it was written long before it came, or after that, does not know the time.
LATE_S, EARLY_S = 60.0, 5.0

# tail says which file a line is from, and goes on trying those it cannot read. It says so only on
# stderr, which a running stream does not show, so the shell says it first.
FILES = 'for f do [ -r "$f" ] || echo "? $f"; done; exec tail -n "$0" -v -F -- "$@" 2>/dev/null'
# journalctl leaves out a field of more than 4096 bytes, unless it is told --all.
TOO_LONG = "(no text, or more than journalctl shows without --all)"
# Lines of one record come at once.
RECORD_S = 1.0
# Whose records are told apart; there are a dozen, and whoever makes up more is forgotten with them.
SPEAKERS_MOST = 200
LOUDNESS = {"fatal": Severity.CRITICAL, "error": Severity.CRITICAL, "warning": Severity.WARNING}
JOURNAL_FIELDS = "MESSAGE,UNIT,_SYSTEMD_UNIT,_SOURCE_REALTIME_TIMESTAMP,PRIORITY"


class Hearer(Protocol):
    """Who is told what is read on one node."""

    def line(self, at: float, source: LogSource, text: str, severity: Severity, speaker: str = "") -> None: ...

    def further(self, speaker: str, text: str) -> bool:
        """A line of the record that `speaker` last began. False: that one is not kept any more."""
        ...

    def dropped(self) -> None:
        """A line came faster than lines are kept."""
        ...

    def begins(self, source: LogSource) -> None:
        """A source is read from now on, with some lines of before."""
        ...

    def hole(self, at: float, source: LogSource) -> None:
        """Of what was written right before `at` not all was read: more than is asked for again."""
        ...

    def silent(self, what: str, reason: str) -> None:
        """`what` (a path, or the journal) is not being read. An empty reason: it is again."""
        ...


@dataclass(slots=True)
class Quota:
    """How many lines a second are kept of one source. What was not used within a second is forgotten."""

    per_s: float = LINES_PER_S
    left: float = LINES_PER_S
    asked_at: float = field(default=float("-inf"))

    def allows(self, now: float) -> bool:
        self.left = min(self.per_s, self.left + (now - self.asked_at) * self.per_s)
        self.asked_at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Intake:
    """One source of one node, over however many connections: bounded, dated, and no line told twice."""

    def __init__(self, source: LogSource, hearer: Hearer, clock: Clock, ahead_s: Callable[[], float]) -> None:
        self._source = source
        self._hearer = hearer
        self._clock = clock
        self._ahead_s = ahead_s
        self._quota = Quota()
        self._last: deque[int] = deque(maxlen=HISTORY_LINES)
        self._read_before: Counter[int] = Counter()
        self._history_left = 0
        self._joins = self._hole = False

    def restart(self) -> None:
        """The next lines begin with history, of which some may have been read over the last connection."""
        self._hearer.begins(self._source)
        self._joins, self._hole = bool(self._last), False
        self._read_before = Counter(self._last)
        self._history_left = HISTORY_LINES

    def wants(self, line: bytes) -> bool:
        """Whether the line is new, and not too many came already. Every line is asked for once."""
        mark = hash(line)
        if self._joins:
            # History begins with its oldest line: where that is new, there may be more before it.
            self._joins, self._hole = False, self._read_before[mark] == 0
        if self._history_left and self._read_before[mark] > 0:
            self._read_before[mark] -= 1
            self._history_left -= 1
            return False
        self._last.append(mark)
        if self._quota.allows(self._clock()):
            return True
        self._history_left = 0
        self._hearer.dropped()
        return False

    def take(self, logged: float | None, text: str, severity: Severity, speaker: str = "") -> None:
        """A line that was wanted. `logged` is when the node's clock says it was written."""
        now = self._clock()
        history = self._history_left > 0
        self._history_left -= history
        at = placed(logged, now, self._ahead_s(), history=history)
        if self._hole:
            self._hole = False
            self._hearer.hole(at, self._source)
        self._hearer.line(at, self._source, text, severity, speaker)


class NodeLogs:
    """Reads one node's logs over one connection after another. `ahead_s` is by how much its clock is ahead."""

    def __init__(
        self, node: str, profile: Profile, hearer: Hearer, clock: Clock, ahead_s: Callable[[], float]
    ) -> None:
        self._profile = profile
        self._hearer = hearer
        self._zone_s = 0
        self._form = named_format(profile.logs.format)
        self._units = profile.units_on(node)
        paths = {profile.logs.access: LogSource.ACCESS, profile.logs.error: LogSource.ERROR}
        self._files = {path: (source, Intake(source, hearer, clock, ahead_s)) for path, source in paths.items()}
        self._speakers = Speakers()
        self._records = Records()
        self._journal = Intake(LogSource.JOURNAL, hearer, clock, ahead_s)

    async def read(self, transport: Transport) -> None:
        """Until the connection ends. Raises the TransportError that ended it."""
        self._zone_s = await _zone(transport)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep("its log files", lambda: self._follow_files(transport)))
                group.create_task(self._keep("its journal", lambda: self._follow_journal(transport)))
        except* TransportError as failures:
            raise _first(failures) from None

    async def _keep(self, what: str, follow: Callable[[], Awaitable[str]]) -> None:
        """Follows again whenever following has ended, and says why it did."""
        while True:
            try:
                reason = await follow()
            except CommandFailed as failure:
                reason = failure.reason
            self._hearer.silent(what, reason)
            await asyncio.sleep(RETRY_SOURCE_S)

    async def _follow_files(self, transport: Transport) -> str:
        for _, intake in self._files.values():
            intake.restart()
        async with transport.stream(("sh", "-c", FILES, str(HISTORY_LINES), *self._files)) as lines:
            self._hearer.silent("its log files", "")
            await self._read_files(lines)
            return ended("tail", lines.ending)

    async def _read_files(self, lines: LineStream) -> None:
        headers = {f"==> {path} <==".encode(): path for path in self._files}
        missing = {f"? {path}".encode(): path for path in self._files}
        current: tuple[LogSource, Intake] | None = None
        count = 0
        async for raw in lines:
            if not raw:
                continue  # tail puts one before each header; an empty line of a log says nothing either
            if raw in headers:
                current = self._files[headers[raw]]
                self._hearer.silent(headers[raw], "")
            elif current is not None:
                self._file_line(*current, raw)
            elif raw in missing:
                self._hearer.silent(missing[raw], "it cannot be read by the login user")
            if (count := count + 1) % TURN_LINES == 0:
                await asyncio.sleep(0)

    def _file_line(self, source: LogSource, intake: Intake, raw: bytes) -> None:
        if intake.wants(raw):
            if source is LogSource.ACCESS:
                at, severity = access_line(self._form, raw, self._zone_s)
            else:
                at, severity = logged_at(raw, self._zone_s), error_severity(raw)
            intake.take(at, log_text(raw), severity)

    async def _follow_journal(self, transport: Transport) -> str:
        self._journal.restart()
        argv = ("journalctl", "--follow", f"--lines={HISTORY_LINES}", "--output=json")
        units = [f"--unit={unit}.service" for unit in self._units]
        async with transport.stream((*argv, f"--output-fields={JOURNAL_FIELDS}", *units)) as lines:
            self._hearer.silent("its journal", "")
            count = 0
            async for raw in lines:
                self._journal_line(raw)
                if (count := count + 1) % TURN_LINES == 0:
                    await asyncio.sleep(0)
            return ended("journalctl", lines.ending)

    def _journal_line(self, raw: bytes) -> None:
        """What the console's own question for a dump leaves in the journal is nobody's news."""
        if not self._journal.wants(raw):
            return
        record = journal_record(raw, self._speakers)
        if record is None or is_echo(record.message):
            return
        if record.by_systemd:
            self._journal.take(record.at or None, f"systemd: {record.message}", _loudness(raw, None))
            return
        level = self._records.level(record)
        if level is None and self._hearer.further(record.unit, record.message):
            return
        text = f"{record.unit}: {record.message or TOO_LONG}"
        self._journal.take(record.at or None, text, _loudness(raw, level), record.unit)


class Records:
    """Which lines of the journal begin a record. A service that gives its lines a time or a level begins each
    record with one, and what follows at once without is the rest of it.
    """

    def __init__(self) -> None:
        self._shaped: set[str] = set()
        self._last: dict[str, float] = {}

    def level(self, record: JournalRecord) -> str | None:
        """The level that the line gives itself (`other` where it gives none). None: it goes on with a record."""
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


def _loudness(raw: bytes, level: str | None) -> Severity:
    """The journal's priority where that says something, else what the line says of itself."""
    told = journal_severity(raw)
    return told if told is not None else LOUDNESS.get(level or "", Severity.INFO)


def placed(logged: float | None, now: float, ahead_s: float = 0.0, *, history: bool) -> float:
    """Where in time a line belongs that came at `now`, from a node whose clock is `ahead_s` ahead of ours.

    Most logs know whole seconds only. A line that comes within its second came when it was written, as
    nearly as can be told; one that comes later was written at that second's end at the latest.
    """
    written = None if logged is None else calendar_time(logged - ahead_s)
    if logged is None or written is None:
        return now
    if written > now + EARLY_S or (written < now - LATE_S and not history):
        return now
    if history or logged != int(logged):
        return written
    return min(max(now, written), written + 0.999)


async def _zone(transport: Transport) -> int:
    """The node's offset from UTC: nginx's error log names no zone."""
    try:
        result = await transport.run(("date", "+%z"), timeout_s=ZONE_TIMEOUT_S)
    except CommandFailed:
        return 0
    return zone_offset(result.text)


def _first(failures: BaseExceptionGroup[TransportError]) -> TransportError:
    failure = failures.exceptions[0]
    return _first(failure) if isinstance(failure, BaseExceptionGroup) else failure
