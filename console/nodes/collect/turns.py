"""Other watchers of the node: our place among them."""

from __future__ import annotations

import contextlib

from console.model.events import NodeHeard
from console.nodes.transport import CommandFailed, Transport
from console.nodes.watch import Watch, every
from console.parse.turns import HELLO, turn_of

# Before a node that tells nothing else would be taken for silent.
READ_EVERY_S = 3.0
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
    """Reads the lock table now and then; that it is answered is a sign of life where nothing else is told."""

    async def look() -> None:
        turn = None
        with contextlib.suppress(CommandFailed):
            result = await watch.transport.run(READ, timeout_s=TIMEOUT_S)
            watch.emit(NodeHeard(watch.clock(), watch.node))
            turn = turn_of(result.text, watch.held[-1]) if watch.held else None
        watch.pace.seat(watch.node, turn)

    await every(READ_EVERY_S, look, early=watch.place_changed)


async def alarm(transport: Transport, *, alarms: str = ALARMS, for_s: float = ALARM_S) -> None:
    """Lets the other watchers of a node know that something is not well. Raises TransportError."""
    await transport.run(("sh", "-c", _ALARM, "sh", alarms, f"{for_s:g}"), timeout_s=TIMEOUT_S)
