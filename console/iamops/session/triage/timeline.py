"""Asks journals, files, logs and the ledger for what happened since a time, and makes one list of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

from iamops.accesslog.count import Columns, CountQuery
from iamops.accesslog.format import FormatError, named_format
from iamops.judge.triage.events import recalled
from iamops.judge.triage.timeline import (
    MasterChange,
    error_steps,
    merged,
    of_edits,
    of_journal,
    of_ledger,
    of_pushes,
    splits,
    turns,
)
from iamops.ledger.audit import read
from iamops.model.events import Event, Noticed, Recalled, Remembered
from iamops.model.facts import Severity
from iamops.model.journal import Timeline, TimelineEvent
from iamops.model.profile import Profile
from iamops.nodes.collect.system import read_host
from iamops.nodes.config import ConfigUnreadable, read_pushes
from iamops.nodes.history import (
    LINES_MAX,
    JournalRead,
    JournalUnavailable,
    anchors_of,
    edited_since,
    journal_since,
)
from iamops.nodes.supervisor import reason_of
from iamops.nodes.transport import Clock, Transport, TransportError
from iamops.redact.clean import fault_of_ours
from iamops.session.connections import connection_attempts
from iamops.session.traffic import count_traffic
from iamops.session.user_files import audit_file

SOURCE_TIMEOUT_S = 3.0
CLOCK_TIMEOUT_S = 1.0
CLOCK_LOOKS = 3
HAPPENINGS_MAX = 500
# Clocks are compared as well as that.
AHEAD_S = 60.0
# The minutes before: the first one is compared with them.
BASELINE_S = 300.0


class TimelineCollector:
    """Collects what is remembered, and what could not be had. Cut short, its `timeline` says what is missing."""

    def __init__(self, profile: Profile, since: float, now: Clock) -> None:
        """What happened from `since` (epoch s, our clock) on."""
        self._profile, self._since, self._now = profile, since, now
        self._found: list[TimelineEvent] = []
        self._master_changes: list[MasterChange] = []
        self._unavailable: list[str] = []
        self._connected: set[str] = set()
        self._under_way: set[str] = set()

    def timeline(self) -> Timeline:
        now = self._now()
        found = (*self._found, *splits(self._master_changes, self._profile, now))
        past = [event for event in found if event.at <= now + AHEAD_S]
        events, cut = merged(past, self._since, HAPPENINGS_MAX)
        missing = [*self._unavailable, *(f"{what}: not told in the time there was" for what in self._under_way)]
        missing += [f"{name}: not connected" for name in self._profile.nodes if name not in self._connected]
        ahead = len(found) - len(past)
        if ahead:
            missing.append(f"{ahead} are dated in the future, by a clock that was set back since: left out")
        if cut:
            missing.append(f"{cut} older happenings are left out: ask for a shorter time")
        return Timeline(events, tuple(sorted(missing)))

    async def here(self, ledger: Path | None = None) -> None:
        """What this machine remembers: the audit ledger of its user."""
        path = ledger or audit_file()

        def records() -> list[TimelineEvent]:
            return list(of_ledger(((r.at, r.kind, r.raw) for r in read(path)), self._profile.name))

        await self._collect("the audit ledger", asyncio.to_thread(records))

    async def node(self, transport: Transport) -> None:
        name, ahead_s = transport.node, await self._ahead_s(transport)
        await asyncio.gather(
            self._collect(f"{name}: the journal", self._journal(transport, ahead_s)),
            self._collect(f"{name}: file times", self._edits(transport, ahead_s)),
            self._collect(f"{name}: push history", self._pushes(transport, ahead_s)),
            self._collect(f"{name}: the access log", self._traffic(transport, ahead_s)),
        )

    async def journal(self, transport: Transport) -> None:
        """Only what its journal remembers: moves of VIPs, checks, units, boots."""
        ahead_s = await self._ahead_s(transport)
        await self._collect(f"{transport.node}: the journal", self._journal(transport, ahead_s))

    async def _collect(self, what: str, source: Awaitable[Iterable[TimelineEvent]]) -> None:
        self._under_way.add(what)
        try:
            async with asyncio.timeout(SOURCE_TIMEOUT_S):
                self._found.extend(await source)
        except TimeoutError:
            self._unavailable.append(f"{what}: no answer within {SOURCE_TIMEOUT_S:g} s")
        except TransportError as failure:
            self._unavailable.append(f"{what}: {failure.reason}")
        except OSError as error:
            self._unavailable.append(f"{what}: {error.strerror or error}")
        except (JournalUnavailable, ConfigUnreadable, FormatError) as error:
            self._unavailable.append(f"{what}: {error}")
        except Exception as error:
            self._unavailable.append(f"{what}: {fault_of_ours(error)}")
        self._under_way.discard(what)

    async def _ahead_s(self, transport: Transport) -> float:
        """How far the node's clock is ahead of ours, by the surest of a few looks; 0 where that may be nothing, or
        is not known, which is reported.
        """
        clock = f"{transport.node}: its clock"
        self._connected.add(transport.node)
        self._under_way.add(clock)
        looks: list[tuple[float, float]] = []
        # Whatever it fails of, the clock cannot be compared.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOCK_TIMEOUT_S):
                for _ in range(CLOCK_LOOKS):
                    report = (await read_host(transport, self._now, timeout_s=CLOCK_TIMEOUT_S)).report
                    if report.clock_offset_ms is not None:
                        looks.append((report.clock_uncertainty_ms or 0.0, report.clock_offset_ms))
        self._under_way.discard(clock)
        if not looks:
            self._unavailable.append(f"{clock} cannot be compared with ours, its times are its own")
            return 0.0
        uncertainty_ms, ahead_ms = min(looks)
        return 0.0 if abs(ahead_ms) <= uncertainty_ms else ahead_ms / 1000

    async def _journal(self, transport: Transport, ahead_s: float) -> Iterator[TimelineEvent]:
        since = self._since + ahead_s
        records, cut = await journal_since(transport, self._profile, since, timeout_s=SOURCE_TIMEOUT_S)
        if cut:
            self._unavailable.append(f"{transport.node}: the journal: only its last {LINES_MAX} lines")
        self._master_changes += turns(records, self._profile, transport.node, ahead_s)
        return of_journal(records, self._profile, transport.node, ahead_s)

    async def _edits(self, transport: Transport, ahead_s: float) -> Iterator[TimelineEvent]:
        edits = await edited_since(transport, self._since + ahead_s, timeout_s=SOURCE_TIMEOUT_S)
        return of_edits(edits, transport.node, ahead_s)

    async def _pushes(self, transport: Transport, ahead_s: float) -> Iterator[TimelineEvent]:
        return of_pushes(await read_pushes(transport), transport.node, ahead_s, self._now())

    async def _traffic(self, transport: Transport, ahead_s: float) -> Iterator[TimelineEvent]:
        """Minutes begin on the node's clock: the first is complete, for half of one would be a step of its own."""
        form = named_format(self._profile.logs.format)
        if form.time_format is None:
            raise JournalUnavailable("its format tells no time")
        since = (self._since + ahead_s - BASELINE_S) // 60 * 60
        query = CountQuery(form, Columns.TIME)
        log, node = self._profile.logs.access, transport.node
        counted = (await count_traffic(log, query, since, {node: transport}))[node]
        if counted.reason:
            raise JournalUnavailable(counted.reason)
        return error_steps(counted.slots, node, ahead_s, query.resolution, self._now())


# Why the VIP moved last night is on the screen: the event list begins with what nodes and ledger remember.

RECALL_S = 24 * 3600.0
# A link that comes and goes for weeks: the newest are kept.
FOUND_KEPT = 2000
REASONS_MOST = 50


class Recall:
    """Asks the ledger once, and a node's journal each time it is connected: for the day before, or for the time in
    which it was not heard. What is seen from then on is not recalled.
    """

    def __init__(
        self,
        profile: Profile,
        apply: Callable[[Event], None],
        now: Clock,
        *,
        began: float,
        ledger: Path | None = None,
    ) -> None:
        """`began`: since when what happens is seen."""
        self._profile, self._apply, self._now, self._ledger = profile, apply, now, ledger
        self._began = began
        self._found: list[TimelineEvent] = []
        self._ledger_read = False
        self._reasons: set[str] = set()

    async def node(self, transport: Transport, heard_at: float | None, back_at: float) -> None:
        """`heard_at`: when the node was last heard before this connection, None if it was not; `back_at`: when
        the connection stood.
        """
        until = back_at if heard_at is not None else self._began
        since = self._began - RECALL_S if heard_at is None else heard_at
        collector = TimelineCollector(self._profile, since, self._now)
        await collector.journal(transport)
        if not self._ledger_read:
            self._ledger_read = True
            await collector.here(self._ledger)
        timeline = collector.timeline()
        found = (*self._found, *(event for event in timeline.events if event.at < until))
        self._found = sorted(found, key=lambda event: event.at)[-FOUND_KEPT:]
        lines = (
            Remembered(e.at, e.node, e.severity, e.text, e.source) for e in recalled(self._found, self._profile)
        )
        self._apply(Recalled(self._now(), tuple(lines)))
        for reason in timeline.unavailable:
            own = reason.startswith((f"{transport.node}:", "the audit"))
            # A link that comes and goes reports it once.
            if own and reason not in self._reasons and len(self._reasons) < REASONS_MOST:
                self._reasons.add(reason)
                self._apply(Noticed(self._now(), None, Severity.INFO, f"not recalled: {reason}"))


# What every node of a cluster remembers of ledgers, asked at once.


async def journals(profile: Profile, ledger: str | None, places: Collection[str]) -> Mapping[str, JournalRead]:
    """By node, for the ledger of this id or at one of these places. Raises for no node, which is `unreadable`."""

    async def asked(made: Transport | TransportError) -> JournalRead:
        if isinstance(made, TransportError):
            return JournalRead(unreadable=made.reason)
        try:
            return await anchors_of(made, ledger, places)
        except Exception as error:
            return JournalRead(unreadable=reason_of(error))

    async with connection_attempts(profile) as nodes:
        found = await asyncio.gather(*(asked(made) for made in nodes.values()))
        return dict(zip(nodes, found, strict=True))
