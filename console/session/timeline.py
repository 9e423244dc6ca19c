"""Asks everyone who remembers for what happened since a time, and makes one list of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path

from console.judge.timeline import error_steps, merged, of_edits, of_journal, of_ledger, of_pushes
from console.judge.timeline_splits import Turn, splits, turns
from console.ledger.audit import read
from console.model.profile import Profile
from console.model.timeline import Happening, Timeline
from console.nodes.config_files import ConfigUnreadable, read_pushes
from console.nodes.snapshot import read_host
from console.nodes.timeline_notes import LINES_MAX, Untold, edited_since, journal_since
from console.nodes.transport import Transport, TransportError
from console.parse.log_counts import Recipe, Want
from console.parse.log_format import FormatError, named_format
from console.parse.own_fault import fault_of_ours
from console.session.clock import Clock
from console.session.resources import audit_file
from console.session.traffic_count import count_traffic

SOURCE_TIMEOUT_S = 3.0
CLOCK_TIMEOUT_S = 1.0
CLOCK_LOOKS = 3
HAPPENINGS_MAX = 500
# Clocks are compared as well as that.
AHEAD_S = 60.0
# The minutes before tell what the first one is compared with.
BASELINE_S = 300.0

TransportOf = Callable[[str], Transport | None]


async def happenings(
    profile: Profile, transport_of: TransportOf, since: float, now: Clock, *, ledger: Path | None = None
) -> Timeline:
    """What happened from `since` (epoch s, our clock) on. Bounded: each source has SOURCE_TIMEOUT_S, all at once.

    A source that fails is named in `untold`; nothing is raised for it.
    """
    tale = Tale(profile, since, now)
    made = [transport for name in profile.nodes if (transport := transport_of(name)) is not None]
    await asyncio.gather(*(tale.node(transport) for transport in made), tale.here(ledger))
    return tale.timeline()


class Tale:
    """Gathers what is told, and by whom it is not. Cut short, its `timeline` says what is missing."""

    def __init__(self, profile: Profile, since: float, now: Clock) -> None:
        self._profile, self._since, self._now = profile, since, now
        self._found: list[Happening] = []
        self._turns: list[Turn] = []
        self._untold: list[str] = []
        self._heard: set[str] = set()
        self._under_way: set[str] = set()

    def timeline(self) -> Timeline:
        """What has been told so far."""
        now = self._now()
        split = splits(self._turns, self._profile, now)
        every = (*self._found, *split)
        real = [each for each in every if each.at <= now + AHEAD_S]
        found, cut = merged(real, self._since, HAPPENINGS_MAX)
        missing = [*self._untold, *(f"{what}: not told in the time there was" for what in self._under_way)]
        missing += [f"{name}: not connected" for name in self._profile.nodes if name not in self._heard]
        if len(real) < len(every):
            ahead = len(every) - len(real)
            missing.append(f"{ahead} are dated in the future, by a clock that was set back since: left out")
        if cut:
            missing.append(f"{cut} older happenings are left out: ask for a shorter time")
        return Timeline(found, tuple(sorted(missing)))

    async def here(self, ledger: Path | None = None) -> None:
        """What this machine remembers: the audit ledger of its user."""
        await self._told("the audit ledger", self._ledger(ledger or audit_file()))

    async def node(self, transport: Transport) -> None:
        """Everything that one node remembers."""
        name, ahead = transport.node, await self._ahead(transport)
        await asyncio.gather(
            self._told(f"{name}: the journal", self._journal(transport, ahead)),
            self._told(f"{name}: file times", self._edits(transport, ahead)),
            self._told(f"{name}: push history", self._pushes(transport, ahead)),
            self._told(f"{name}: the access log", self._traffic(transport, ahead)),
        )

    async def journal(self, transport: Transport) -> None:
        """Only what its journal remembers: moves of VIPs, checks, units, boots."""
        ahead = await self._ahead(transport)
        await self._told(f"{transport.node}: the journal", self._journal(transport, ahead))

    async def _ahead(self, transport: Transport) -> float:
        """How far its clock is ahead of ours; 0 where that is not known, and that is said."""
        name = transport.node
        self._heard.add(name)
        clock = f"{name}: its clock"
        self._under_way.add(clock)
        ahead_s = await self._ahead_s(transport)
        self._under_way.discard(clock)
        if ahead_s is None:
            self._untold.append(f"{name}: its clock cannot be compared with ours, its times are its own")
        return ahead_s or 0.0

    async def _told(self, what: str, source: Awaitable[Iterable[Happening]]) -> None:
        """One source, within its time: what it tells is kept, why it does not is said."""
        self._under_way.add(what)
        try:
            async with asyncio.timeout(SOURCE_TIMEOUT_S):
                self._found.extend(await source)
        except TimeoutError:
            self._untold.append(f"{what}: no answer within {SOURCE_TIMEOUT_S:g} s")
        except TransportError as failure:
            self._untold.append(f"{what}: {failure.reason}")
        except OSError as error:
            self._untold.append(f"{what}: {error.strerror or error}")
        except (Untold, ConfigUnreadable, FormatError) as error:
            self._untold.append(f"{what}: {error}")
        except Exception as error:
            self._untold.append(f"{what}: {fault_of_ours(error)}")
        self._under_way.discard(what)

    async def _ahead_s(self, transport: Transport) -> float | None:
        """How far the node's clock is ahead of ours, by the surest of a few looks; what may be none is none."""
        looks: list[tuple[float, float]] = []
        # Whatever it fails of, it is told that the clock cannot be compared.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOCK_TIMEOUT_S):
                for _ in range(CLOCK_LOOKS):
                    report = (await read_host(transport, self._now, timeout_s=CLOCK_TIMEOUT_S)).report
                    if report.clock_offset_ms is not None:
                        looks.append((report.clock_uncertainty_ms or 0.0, report.clock_offset_ms))
        if not looks:
            return None
        unsure_ms, ahead_ms = min(looks)
        return 0.0 if abs(ahead_ms) <= unsure_ms else ahead_ms / 1000

    async def _journal(self, transport: Transport, ahead_s: float) -> Iterator[Happening]:
        since = self._since + ahead_s
        records, cut = await journal_since(transport, self._profile, since, timeout_s=SOURCE_TIMEOUT_S)
        if cut:
            self._untold.append(f"{transport.node}: the journal: only its last {LINES_MAX} lines")
        self._turns += turns(records, self._profile, transport.node, ahead_s)
        return of_journal(records, self._profile, transport.node, ahead_s)

    async def _edits(self, transport: Transport, ahead_s: float) -> Iterator[Happening]:
        edits = await edited_since(transport, self._since + ahead_s, timeout_s=SOURCE_TIMEOUT_S)
        return of_edits(edits, transport.node, ahead_s)

    async def _pushes(self, transport: Transport, ahead_s: float) -> Iterator[Happening]:
        return of_pushes(await read_pushes(transport), transport.node, ahead_s, self._now())

    async def _traffic(self, transport: Transport, ahead_s: float) -> Iterator[Happening]:
        """Minutes begin on the node's clock: the first is whole, for half of one would be a step of its own."""
        form = named_format(self._profile.logs.format)
        if form.clock is None:
            raise Untold("its format tells no time")
        since = (self._since + ahead_s - BASELINE_S) // 60 * 60
        recipe = Recipe(form, Want.TIME)
        log, node = self._profile.logs.access, transport.node
        counted = (await count_traffic(log, recipe, since, {node: transport}))[node]
        if counted.reason:
            raise Untold(counted.reason)
        return error_steps(counted.slots, node, ahead_s, recipe.grain, self._now())

    async def _ledger(self, path: Path) -> list[Happening]:
        def records() -> list[Happening]:
            return list(of_ledger(((r.at, r.kind, r.raw) for r in read(path)), self._profile.name))

        return await asyncio.to_thread(records)
