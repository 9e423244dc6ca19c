"""Other watchers of the node: our place among them, and that the node is heard at all."""

from __future__ import annotations

import asyncio
import contextlib
import time

from console.model.events import NodeHeard
from console.nodes.transport import CommandFailed, Transport
from console.nodes.watch import Watch, every
from console.parse.turns import HELLO, turn_of

READ_EVERY_S = 5.0
HEARD_EVERY_S = 1.0
# Every node that runs systemd has both, and everybody may open them.
TURNS, ALARMS = "/run/systemd", "/run/systemd/system"
# Says where its lock will be, and becomes flock(1), which holds it for as long as the command runs. Where that
# does not work, the command runs without.
_HOLDING = (
    "turns=$1 alarms=$2; shift 2; "
    '{ [ -d "$turns" ] && flock -s -n "$turns" true; } 2>/dev/null || exec "$@"; '
    f'echo {HELLO} $$ $(stat -c %d:%i "$turns" "$alarms"); exec flock -s "$turns" "$@"'
)
# The shell's own words alone: no process is started for it.
_READ = (
    "read -r up _ </proc/uptime; echo $up; "
    'while read -r line; do case $line in *FLOCK*READ*) echo "$line";; esac; done </proc/locks'
)
READ = ("sh", "-c", _READ)
# Longer than two of the others' looks at the table; it ends by itself.
ALARM_S = 12
_ALARM = '[ ! -d "$1" ] || flock -s -n "$1" sleep "$2" </dev/null >/dev/null 2>&1 &'
TIMEOUT_S = 5.0


def holding(argv: tuple[str, ...], *, turns: str = TURNS, alarms: str = ALARMS) -> tuple[str, ...]:
    """A long-lived command that holds our place among those who watch while it runs."""
    return ("sh", "-c", _HOLDING, "sh", turns, alarms, *argv)


async def turns(watch: Watch) -> None:
    """Reads the lock table now and then."""

    async def look() -> None:
        turn = None
        if watch.held:
            with contextlib.suppress(CommandFailed):
                result = await watch.transport.run(READ, timeout_s=TIMEOUT_S)
                turn = turn_of(result.text, watch.held[-1])
        watch.pace.seat(watch.node, turn)

    await every(READ_EVERY_S, look, early=watch.place_changed)


async def heard(watch: Watch) -> None:
    """That anything arrived, were it SSH's own keepalive: values of streams are as fresh as their node."""
    told = 0.0
    while True:
        at = watch.transport.heard_at
        if at > told:
            told = at
            watch.emit(NodeHeard(watch.clock() - (time.monotonic() - at), watch.node))
        await asyncio.sleep(HEARD_EVERY_S)


async def alarm(transport: Transport, *, alarms: str = ALARMS, for_s: float = ALARM_S) -> None:
    """Lets the other watchers of a node know that something is not well. Raises TransportError."""
    await transport.run(("sh", "-c", _ALARM, "sh", alarms, f"{for_s:g}"), timeout_s=TIMEOUT_S)
