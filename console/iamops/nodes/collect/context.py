"""What every collector of a node is given, the rhythms they work in, and our turn among a node's watchers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from iamops.model.events import Event, NodeHeard, Source, SourceLost
from iamops.model.profile import Profile
from iamops.nodes.logs.counter import AccessLog
from iamops.nodes.pace import Beat, Pace
from iamops.nodes.supervisor import Supervisor
from iamops.nodes.transport import Clock, CommandFailed, CommandResult, LineStream, OutputTooLong, Transport
from iamops.parse.host import HELLO, TurnFiles, turn_of
from iamops.plan.start_failure import StartFailure
from iamops.redact.clean import clean_bytes

Emit = Callable[[Event], None]

RETRY_SOURCE_S = 5.0
# A machine's addresses, or keepalived's and systemd's lines about a few units, come one by one. More lines than
# these are a flood: the source is not read for a while.
FLOOD_LINES = 2000
FLOOD_S = 5.0
TURN_LINES = 50
SETTLE_S = 0.1
# Turns may change while one waits for them: they are read every three seconds.
TICK_S = 3.0


@dataclass(slots=True)
class CollectorContext:
    """One node under observation. The `…_changed` events ask a collector to look again at once;
    `address_moved`: a list still on its way may be out of date. `access_log` is the session's count of the
    node's log; without one only its statuses are counted. `held`: where our lock among the watchers is, once that
    is known. `served_at`: when (monotonic) nginx on the node last answered a health check of ours. `starts`: units
    that do not start, when they were asked why, and the answer. `session_supervisor` keeps the collectors.
    """

    transport: Transport
    profile: Profile
    emit: Emit
    clock: Clock
    access_log: AccessLog | None = None
    pace: Pace = field(default_factory=Pace.always_full)
    session_supervisor: Supervisor | None = None
    served_at: float = 0.0
    held: TurnFiles | None = None
    starts: dict[str, tuple[float, StartFailure]] = field(default_factory=dict)
    address_moved: asyncio.Event = field(default_factory=asyncio.Event)
    addresses_changed: asyncio.Event = field(default_factory=asyncio.Event)
    units_changed: asyncio.Event = field(default_factory=asyncio.Event)
    vrrp_changed: asyncio.Event = field(default_factory=asyncio.Event)
    safety_changed: asyncio.Event = field(default_factory=asyncio.Event)
    health_changed: asyncio.Event = field(default_factory=asyncio.Event)
    peers_changed: asyncio.Event = field(default_factory=asyncio.Event)
    stores_changed: asyncio.Event = field(default_factory=asyncio.Event)
    certificates_changed: asyncio.Event = field(default_factory=asyncio.Event)
    place_changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def node(self) -> str:
        return self.transport.node

    def refresh(self) -> None:
        """Makes every collector look now."""
        self.addresses_changed.set()
        self.units_changed.set()
        self.vrrp_changed.set()
        self.safety_changed.set()
        self.probe_again()

    def probe_again(self) -> None:
        self.health_changed.set()
        self.peers_changed.set()
        self.stores_changed.set()
        self.certificates_changed.set()

    def lost(self, source: Source, reason: str) -> None:
        self.emit(SourceLost(self.clock(), self.node, source, reason))

    def failed(self, source: Source, failure: CommandFailed) -> None:
        flood = isinstance(failure, Flood | OutputTooLong)
        self.emit(SourceLost(self.clock(), self.node, source, failure.reason, flood))


async def periodic(
    period_s: float, action: Callable[[], Awaitable[None]], *, early: asyncio.Event | None = None
) -> None:
    """Calls `action` at once and then every period, or soon after `early` is set. Never overlaps itself."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + period_s
        await action()
        await _wait(max(0.0, due - loop.time()), early)


async def paced(
    ctx: CollectorContext, beat: Beat, action: Callable[[float], Awaitable[None]], *, early: asyncio.Event
) -> None:
    """Calls `action` at once and then as the pace says; it is given the seconds until the next one."""
    while True:
        began, promised_s = ctx.clock(), ctx.pace.period_s(ctx.node, beat)
        await action(promised_s)
        while (left_s := ctx.pace.due(ctx.node, beat, began, promised_s) - ctx.clock()) > 0:
            if await _wait(min(left_s, TICK_S), early):
                break


async def restart_forever(source: Source, ctx: CollectorContext, stream: Callable[[], Awaitable[str]]) -> None:
    """Restarts a stream that ended by itself; the reason it returns is why the source is unknown."""
    while True:
        try:
            ctx.lost(source, await stream())
        except CommandFailed as failure:
            ctx.failed(source, failure)
        await asyncio.sleep(RETRY_SOURCE_S)


class Flood(CommandFailed, kind="flood"):
    """A source writes more than we can take in beside everything else."""


async def unflooded(node: str, what: str, lines: LineStream) -> AsyncIterator[bytes]:
    """The lines of a source that should write little. Lets other tasks have their turn. Raises Flood."""
    loop = asyncio.get_running_loop()
    count, began = 0, loop.time()
    async for line in lines:
        if loop.time() - began > FLOOD_S:
            count, began = 0, loop.time()
        count += 1
        if count > FLOOD_LINES:
            reason = f"{what} said more than {FLOOD_LINES} lines within {FLOOD_S:g} s"
            raise Flood(node, reason, f"look at the node: what floods {what}?")
        yield line
        if count % TURN_LINES == 0:
            await asyncio.sleep(0)


def ended(what: str, ending: CommandResult | None) -> str:
    """Why a stream is over, with the command's last error output if there was any."""
    error = clean_bytes(ending.stderr.strip(), 160) if ending else ""
    return f"{what} ended: {error}" if error else f"{what} ended by itself"


async def _wait(delay_s: float, early: asyncio.Event | None) -> bool:
    """True where it ended early."""
    if early is None:
        await asyncio.sleep(delay_s)
        return False
    try:
        async with asyncio.timeout(delay_s):
            await early.wait()
    except TimeoutError:
        return False
    # What announces a change comes in bursts; one look after the burst is enough.
    await asyncio.sleep(SETTLE_S)
    early.clear()
    return True


# Our turn among the other watchers of the node.

# Often enough that a node where nothing else happens is not taken for silent.
READ_EVERY_S = 3.0
# Every node that runs systemd has both, and everybody may open them.
TURNS, ALARMS = "/run/systemd", "/run/systemd/system"
# Prints where its lock will be, and becomes flock(1), which holds it for as long as the command runs. Where that
# does not work, the command runs without.
_HOLDING = (
    "turns=$1 alarms=$2; shift 2; "
    '{ [ -d "$turns" ] && flock -s -n "$turns" true; } 2>/dev/null || exec "$@"; '
    f'echo {HELLO} $$ $(stat -c %d:%i "$turns" "$alarms"); exec flock -s "$turns" "$@"'
)
# Shell builtins alone: no process is started for it.
_READ = (
    "read -r up _ </proc/uptime; echo $up; "
    'while read -r line; do case $line in *FLOCK*READ*) echo "$line";; esac; done </proc/locks'
)
READ = ("sh", "-c", _READ)
# Longer than two of the others' reads of the table; it ends by itself.
ALARM_S = 12
_ALARM = '[ ! -d "$1" ] || flock -s -n "$1" sleep "$2" </dev/null >/dev/null 2>&1 &'
TIMEOUT_S = 5.0


def holding(argv: tuple[str, ...], *, turns: str = TURNS, alarms: str = ALARMS) -> tuple[str, ...]:
    """A long-lived command that holds our lock among the watchers while it runs."""
    return ("sh", "-c", _HOLDING, "sh", turns, alarms, *argv)


async def turns(ctx: CollectorContext) -> None:
    """Reads the lock table regularly; the answer is a sign of life where nothing else happens."""

    async def read() -> None:
        turn = None
        with contextlib.suppress(CommandFailed):
            result = await ctx.transport.run(READ, timeout_s=TIMEOUT_S)
            ctx.emit(NodeHeard(ctx.clock(), ctx.node))
            turn = turn_of(result.text, ctx.held) if ctx.held else None
        ctx.pace.seat(ctx.node, turn)

    await periodic(READ_EVERY_S, read, early=ctx.place_changed)


async def alarm(transport: Transport, *, alarms: str = ALARMS, for_s: float = ALARM_S) -> None:
    """Lets the other watchers of a node know that something is not well. Raises TransportError."""
    await transport.run(("sh", "-c", _ALARM, "sh", alarms, f"{for_s:g}"), timeout_s=TIMEOUT_S)
