"""The engine's ports on a cluster: commands over its links and on this machine, the state from its store."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from iamops.engine.ports import CommandAnswer, Locked, NotSent, OutcomeUnknown
from iamops.model.facts import LinkState
from iamops.model.observed import Known, Observed, is_pending
from iamops.model.profile import Profile
from iamops.model.state import ClusterState, NodeState
from iamops.nodes.lock import CannotBeLocked, LockHeld, NodeLock, hold, was_over, while_armed
from iamops.nodes.logs.split import split, through
from iamops.nodes.transport import ChannelRefused, Transport, TransportError
from iamops.redact.clean import clean_lines, clean_text
from iamops.render.privileges import older
from iamops.session.own_command import run_own
from iamops.session.store import Store

if TYPE_CHECKING:
    from iamops.plan.config.change import FilesSeen, PushedFiles


# Ourselves, wherever we are installed: a profile may simply say `iamops`.
OURSELVES = "iamops"
# Waits in a session of its own, so that neither our end nor a closed terminal ends it. USR1 ends it while it
# waits; from the moment at which it goes to work it is deaf to that.
_LATER = 'sleep "$1" & s=$!; trap "kill $s; exit 0" USR1; wait $s || exit; trap "" USR1; shift; exec "$@"'
FORGOTTEN_WITHIN_S = 0.3
OUTPUT_KEPT = 64_000
# An action waits no longer for its line in a journal. logger makes several lines of one that is over a kibibyte.
NOTE_TIMEOUT_S = 3.0
NOTE_BYTES = 900
JOURNAL_TAG = "iamops"


class NodeCommands:
    """Runs commands over the links that the session keeps, and those of the profile's fencing on this machine, now
    or in a while: it keeps track of what waits.
    """

    def __init__(self, transport: Callable[[str], Transport | None], profile: Profile) -> None:
        self._connected = transport
        self._profile = profile
        self._kept: asyncio.Future[bool] | None = None
        self._last_failed: dict[tuple[str, str], float] = {}
        self._in_vain: dict[tuple[str, str], dict[str, float]] = {}
        self._waiting: dict[str, subprocess.Popen[bytes]] = {}
        self._at_work: list[subprocess.Popen[bytes]] = []

    async def run(
        self, node: str, argv: Sequence[str], *, stdin: str, timeout_s: float, dead_man: str | None = None
    ) -> CommandAnswer:
        """Raises NotSent when there was no connection to send over, OutcomeUnknown when no answer came."""
        commands = [argv]
        if dead_man is not None:
            before = older(tuple(argv))
            commands = [while_armed(dead_man, each) for each in (argv, before) if each is not None]
        for command in commands:
            try:
                result = await self._transport(node).run(command, timeout_s=timeout_s, stdin=stdin.encode())
            except ChannelRefused as failure:
                raise NotSent(str(failure)) from None
            except TransportError as failure:
                raise OutcomeUnknown(str(failure)) from None
            answer = CommandAnswer(result.exit_status, _readable(result.stdout), _readable(result.stderr))
            if not answer.exit_status or not answer.stderr.startswith("sudo:"):
                break
            # sudo has run nothing: the node has the sudoers file of an older version, which may know another one.
        if dead_man is not None and was_over(answer.exit_status, answer.stderr):
            raise NotSent(f"{node} refused it: its undo has fired already, or was disarmed")
        return answer

    async def pushed(self, files: PushedFiles) -> FilesSeen:
        """Read as any other look at the files is. How it ended comes first: the node answers that when no
        replacement is at work. Raises OutcomeUnknown.
        """
        from iamops.nodes.config import ConfigUnreadable, read_files, read_pushes
        from iamops.plan.config.change import FilesSeen, digest

        try:
            transport = self._transport(files.node)
            outcome = next((r.outcome for r in await read_pushes(transport) if r.push == files.push), "")
            tree = await read_files(transport)
        except (ConfigUnreadable, NotSent, TransportError) as failure:
            raise OutcomeUnknown(str(failure)) from None
        return FilesSeen(outcome, {path: digest(file) for path, file in tree.files.items()})

    async def ask(self, count: int, *, timeout_s: float) -> CommandAnswer:
        """Requests through the VIP and where they went. Raises OutcomeUnknown when it takes too long."""
        transports = {name: self._connected(name) for name in self._profile.nodes}
        try:
            async with asyncio.timeout(timeout_s):
                found = await split(self._profile, count, transports)
        except TimeoutError:
            raise OutcomeUnknown(f"the requests took longer than {timeout_s:g} s") from None
        return CommandAnswer(0, json.dumps(found), "")

    async def through(self, node: str, service: str, count: int, *, timeout_s: float) -> CommandAnswer:
        """Requests through one nginx, which backends answered, and how long before them each one was last asked in
        vain there, and a request failed of which nobody knows by whom.

        Raises NotSent, OutcomeUnknown.
        """
        found, there, asked_at = self._profile.services[service], (node, service), time.monotonic()
        try:
            async with asyncio.timeout(timeout_s):
                asked = await through(self._transport(node), self._profile, found, count)
        except TimeoutError:
            self._last_failed[there] = time.monotonic()
            raise OutcomeUnknown(
                f"the requests through nginx on {node} took longer than {timeout_s:g} s"
            ) from None
        except TransportError as failure:
            raise OutcomeUnknown(str(failure)) from None
        in_vain = self._in_vain.setdefault(there, {})
        in_vain.update(dict.fromkeys(asked["in_vain"], time.monotonic()))
        if asked["nameless"]:
            self._last_failed[there] = time.monotonic()
        failed_at = self._last_failed.get(there)
        asked["failed_ago_s"] = None if failed_at is None else max(0.0, asked_at - failed_at)
        asked["in_vain_ago_s"] = {name: max(0.0, asked_at - at) for name, at in in_vain.items()}
        return CommandAnswer(0 if asked["sent"] else 1, json.dumps(asked), "")

    async def confirmed(self, timeout_s: float) -> CommandAnswer:
        self._kept = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                kept = await self._kept
        except TimeoutError:
            return CommandAnswer(1, "", f"nobody confirmed it within {timeout_s:g} s")
        finally:
            self._kept = None
        return CommandAnswer(0 if kept else 1, "", "" if kept else "the operator wants it taken back")

    def confirm(self, *, kept: bool = True) -> bool:
        """The operator's word on what is in place; False when nobody waits for it."""
        if self._kept is None or self._kept.done():
            return False
        self._kept.set_result(kept)
        return True

    @contextlib.asynccontextmanager
    async def lock(
        self, nodes: Sequence[str], holder: Mapping[str, str], beside: Collection[str] = ()
    ) -> AsyncIterator[NodeLocks]:
        """Holds the nodes in the given order, or none of them, but for those `beside` that nobody can hold.

        Everybody who acts locks every node that can be reached, and so meets us on those that we act on.
        """
        async with contextlib.AsyncExitStack() as stack:
            held, unlocked = dict[str, NodeLock](), dict[str, str]()
            for node in nodes:
                try:
                    held[node] = await stack.enter_async_context(hold(self._transport(node), holder))
                except LockHeld as refusal:
                    raise Locked(str(refusal)) from None
                except (CannotBeLocked, NotSent, TransportError) as failure:
                    why = str(failure).removeprefix(f"{node} cannot be locked: ").removeprefix(f"{node}: ")
                    if node not in beside:
                        raise Locked(f"{node} cannot be locked: {why}") from None
                    unlocked[node] = why
            yield NodeLocks(held, unlocked)

    async def note(self, node: str, text: str) -> str | None:
        """A line in the node's journal, under the tag `iamops`; the login user may write one. Returns why not."""
        line = clean_text(text, NOTE_BYTES).encode("utf-8")[:NOTE_BYTES].decode("utf-8", "ignore")
        argv = ("logger", "--tag", JOURNAL_TAG, "--priority", "user.notice", "--", line)
        try:
            answer = await self.run(node, argv, stdin="", timeout_s=NOTE_TIMEOUT_S)
        except (NotSent, OutcomeUnknown) as failure:
            return str(failure)
        return None if answer.exit_status == 0 else answer.complaint

    async def run_here(self, argv: Sequence[str], *, timeout_s: float) -> CommandAnswer:
        """Raises OutcomeUnknown when it takes too long: nobody knows what it has done."""
        try:
            ended = await run_own(_resolved(argv), deadline_s=timeout_s)
        except TimeoutError:
            raise OutcomeUnknown(f"{argv[0]} took longer than {timeout_s:g} s") from None
        except OSError as error:
            return CommandAnswer(127, "", f"{argv[0]}: {error.strerror}")
        return CommandAnswer(ended.returncode, _readable(ended.stdout), _readable(ended.stderr))

    async def run_later(self, name: str, argv: Sequence[str], *, delay_s: float) -> CommandAnswer:
        command = ["sh", "-c", _LATER, "later", f"{delay_s:g}", *_resolved(argv)]
        try:
            self._waiting[name] = subprocess.Popen(  # noqa: ASYNC220 - begun, and not waited for
                command,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            return CommandAnswer(127, "", f"{argv[0]}: {error.strerror}")
        return CommandAnswer(0, "", "")

    async def cancel_later(self, name: str) -> CommandAnswer:
        """Ends what waits, unless it is already at work: then it is left to finish."""
        waiting = self._waiting.pop(name, None)
        if waiting is None or waiting.poll() is not None:
            return CommandAnswer(0, "", "")
        os.kill(waiting.pid, signal.SIGUSR1)
        try:
            waiting.wait(FORGOTTEN_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._at_work.append(waiting)
            return CommandAnswer(0, "it is at work already, and is left to finish\n", "")
        return CommandAnswer(0, "", "")

    def _transport(self, node: str) -> Transport:
        transport = self._connected(node)
        if transport is None:
            raise NotSent(f"{node} is not connected")
        return transport


def _resolved(argv: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "iamops", *argv[1:]] if argv and argv[0] == OURSELVES else list(argv)


class NodeLocks:
    """The locks of one run. `unlocked`: the nodes beside it that nobody can hold, and why."""

    def __init__(self, held: Mapping[str, NodeLock], unlocked: Mapping[str, str]) -> None:
        self._held = held
        self.unlocked = unlocked

    def lost(self, node: str) -> str | None:
        lock = self._held.get(node)
        return f"{node} was never locked" if lock is None else lock.lost()


async def wait_for(store: Store, holds: Callable[[ClusterState], bool], timeout_s: float) -> bool:
    """Returns at the next event after which it holds; False after the timeout."""
    done = asyncio.Event()
    unsubscribe = store.subscribe(lambda state, _event: done.set() if holds(state) else None)
    try:
        async with asyncio.timeout(timeout_s):
            await done.wait()
    except TimeoutError:
        return False
    finally:
        unsubscribe()
    return True


class StoreReader:
    """The state in the session's store. `refresh` asks the collectors for fresh evidence, `refresh_files` reads
    the nodes' files.
    """

    def __init__(
        self,
        store: Store,
        now: Callable[[], float],
        refresh: Callable[[], None],
        refresh_files: Callable[[], Awaitable[None]],
    ) -> None:
        self._store = store
        self.now, self.refresh, self._refresh_files = now, refresh, refresh_files

    @property
    def state(self) -> ClusterState:
        return self._store.state

    async def changed(self, timeout_s: float) -> None:
        await wait_for(self._store, lambda _state: True, timeout_s)

    async def fresh(self, nodes: Sequence[str], timeout_s: float) -> tuple[str, ...]:
        """Waits until these nodes were seen anew, as a whole; returns what was not."""
        from iamops.plan.needs import evidence  # plans are loaded when somebody wants to act

        since = self.now()
        self.refresh()
        await self._refresh_files()
        while True:
            state = self.state
            unseen = tuple(
                what for node in nodes for what in _unseen(state.nodes[node], since, evidence(state, node))
            )
            if not unseen or self.now() - since > timeout_s:
                return unseen
            await self.changed(0.2)


def _readable(raw: bytes) -> str:
    return "\n".join(clean_lines(raw[:OUTPUT_KEPT]))


def _unseen(node: NodeState, since: float, needed: Mapping[str, Observed[Any]]) -> list[str]:
    """What of this node, and of what its services need, is older than `since` and could be newer."""
    if node.link.state is not LinkState.UP:
        return [f"{node.name} is not connected"]
    seen: dict[str, Observed[Any]] = {
        "addresses": node.addresses,
        "locks and timers": node.safety,
        **node.units,
        **node.vrrp,
        **needed,
    }
    return [
        f"{what} on {node.name}"
        for what, observed in seen.items()
        if is_pending(observed) or (isinstance(observed, Known) and observed.at < since)
    ]
