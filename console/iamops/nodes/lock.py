"""The lock on a node, held by a command on an open channel and gone when the channel or its holder is; and
commands that the node runs only while their undo is armed.

flock(1) on the directory /run, which every node has and every login user may open; no file is left behind. The
holder's name is an argument of the holding process, so what others read can never be stale.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence

from iamops.nodes.supervisor import since_boot
from iamops.nodes.transport import LineStream, Transport, TransportError
from iamops.parse.host import lock_holder
from iamops.redact.clean import clean_bytes

HELD = b"held"
CONFLICT = 75
# A console that was cut off or put to sleep stops beating, and the node lets go.
BEAT_S = 3.0
LEASE_S = 15
ACQUIRE_TIMEOUT_S = 5.0
LOOK_TIMEOUT_S = 3.0

# The inner shell lives as long as lines arrive. bash waits for them with a builtin, so it holds a node that can
# start no process any more; without bash a process waits for each line. The node adds from where, and since when.
_INNER = (
    f"printf '{HELD.decode()}\\n'; "
    f'if [ -n "${{BASH_VERSION-}}" ]; then while read -r -t {LEASE_S} _; do :; done; '
    f'else while [ -n "$(timeout {LEASE_S} dd bs=64 count=1 2>/dev/null)" ]; do :; done; fi'
)
BEAT = b".\n"
# flock itself stays: inside a container /proc/locks hides a lock whose taker has ended. The note is an argument of
# its own only with the lock in hand: who merely tries is not taken for a holder.
_HELD = (
    'exec "$(command -v bash || echo sh)" -c "$1" "iamops-lock from=${SSH_CONNECTION%% *} since=$(date +%s) $2"'
)
_OUTER = f'exec flock --nonblock --conflict-exit-code {CONFLICT} /run sh -c "$3" iamops-hold "$1" "$2"'
_WHO = ("sh", "-c", "grep -ahsz '^iamops-lock ' /proc/[0-9]*/cmdline | head -zn 1")


class LockHeld(Exception):
    """Another operator holds the node; the message says who, since when and from where."""


class CannotBeLocked(Exception):
    """Nobody can hold the node now: it starts no process, or lacks what it takes. The message has its error."""


class NodeLock:
    """A held node. `lost` says why it is not held any more."""

    def __init__(self, transport: Transport, lines: LineStream) -> None:
        self.node = transport.node
        self._lines = lines
        self._beat_at = since_boot()
        self._why: str | None = None
        self._tasks = [asyncio.ensure_future(self._beat()), asyncio.ensure_future(self._listen())]

    def lost(self) -> str | None:
        if self._why is None and since_boot() - self._beat_at > LEASE_S - BEAT_S:
            self._why = f"the console was asleep for {since_boot() - self._beat_at:.0f} s"
        return None if self._why is None else f"the lock on {self.node} was lost: {self._why}"

    async def release(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _beat(self) -> None:
        while self.lost() is None:
            try:
                await self._lines.write(BEAT)
            except (TransportError, OSError) as failure:
                self._why = str(failure)
                return
            self._beat_at = since_boot()
            await asyncio.sleep(BEAT_S)

    async def _listen(self) -> None:
        try:
            async for _ in self._lines:
                pass
            self._why = self._why or "its holder on the node has ended"
        except TransportError as failure:
            self._why = self._why or failure.reason


@contextlib.asynccontextmanager
async def hold(transport: Transport, note: Mapping[str, str]) -> AsyncIterator[NodeLock]:
    """Holds the node while the context lasts. Raises LockHeld, CannotBeLocked, TransportError."""
    argv = ("sh", "-c", _OUTER, "iamops-hold", _INNER, json.dumps(dict(note), sort_keys=True), _HELD)
    async with transport.stream(argv, feed=True) as lines:
        first = None
        with contextlib.suppress(TimeoutError, StopAsyncIteration):
            async with asyncio.timeout(ACQUIRE_TIMEOUT_S):
                first = await anext(aiter(lines))
        if first != HELD:
            raise await _refusal(transport, lines)
        lock = NodeLock(transport, lines)
        try:
            yield lock
        finally:
            await lock.release()


async def _refusal(transport: Transport, lines: LineStream) -> LockHeld | CannotBeLocked:
    node, ending = transport.node, lines.ending
    if ending is None or ending.exit_status != CONFLICT:
        why = clean_bytes(ending.stderr.strip(), 160) if ending else f"no answer in {ACQUIRE_TIMEOUT_S:g} s"
        return CannotBeLocked(f"{node} cannot be locked: {why}")
    found = await transport.run(_WHO, timeout_s=LOOK_TIMEOUT_S)
    holder = lock_holder(found.stdout)
    if holder is None:
        return LockHeld(f"another operator holds {node}")
    since = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(holder.since))
    return LockHeld(f"{holder.who} from {holder.origin} holds {node} since {since}: {holder.action}")


# A node runs a command only while the timer that would undo it is still to fire: a console that stood still may
# send the command after its undo has fired. An undo that is at work has an active timer, too: `running`, not
# `waiting`.
_ONLY_THEN = (
    'case "$(systemctl show -p SubState "$1.timer")" in SubState=waiting) ;; '
    '*) echo "$0: $1.timer" >&2; exit 75;; esac; shift; exec "$@"'
)
_REFUSED, _REFUSES = 75, "iamops-not-armed"


def while_armed(dead_man: str, argv: Sequence[str]) -> tuple[str, ...]:
    """`dead_man`: the timer's unit without its suffix. Sudo sees `argv` as it is."""
    return ("sh", "-c", _ONLY_THEN, _REFUSES, dead_man, *argv)


def was_over(exit_status: int | None, stderr: str) -> bool:
    """Did the node refuse because the timer had fired or was stopped? Then nothing was done."""
    return exit_status == _REFUSED and any(line.startswith(f"{_REFUSES}:") for line in stderr.splitlines())
