"""What the engine is asked to do, and what it needs for it: commands, the state, the ledger, a gap meter."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from iamops.model.journal import Anchor
from iamops.model.outage import GapReport, Samples
from iamops.model.state import ClusterState
from iamops.plan.action import Action
from iamops.plan.denial import Denial

if TYPE_CHECKING:
    from iamops.plan.config.change import FilesSeen, PushedFiles


@dataclass(frozen=True, slots=True)
class Order:
    """One request. `shown` is the fingerprint of the plan the operator agreed to, if one was shown; `insisted` the
    denials that were shown with it and overridden. None: those that stand when the run begins.

    `command` is the command line that asks for the same; `armed` whether the front was armed for it; `agreed`
    whether somebody agreed to a plan, or need not: else it is only to be refused, for what stood in its way.
    """

    action: Action
    who: str
    origin: str
    command: str
    reason: str = ""
    overrides: tuple[str, ...] = ()
    armed: bool = True
    agreed: bool = True
    shown: str | None = None
    insisted: tuple[Denial, ...] | None = None
    run: str = field(default_factory=partial(secrets.token_hex, 4))


class NotSent(Exception):
    """The command never left: the node is as it was."""


class OutcomeUnknown(Exception):
    """The command was sent and no answer came: nobody knows what it has done."""


class Locked(Exception):
    """Someone else holds a node, or the lock could not be taken. The message says who, since when, from where."""


SUDO_REFUSES = "sudo:"
COMPLAINT_KEPT = 240


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """What a finished command left. `exit_status` is None when a signal ended it."""

    exit_status: int | None
    stdout: str
    stderr: str

    @property
    def complaint(self) -> str:
        """Why it failed, on one line; a refusal of sudo with the fix."""
        output = " ".join((self.stderr.strip() or self.stdout.strip()).split())[:COMPLAINT_KEPT]
        if output.startswith(SUDO_REFUSES):
            return f"{output} (the login user may not run this: install what `iamops profile sudoers` prints)"
        ended = "was killed" if self.exit_status is None else f"exit code {self.exit_status}"
        return f"{ended}: {output}" if output else ended


class Lock(Protocol):
    """Held nodes. A lock is only as good as its channels: ask before every step.

    `unlocked`: the nodes beside the run that nobody can hold, and why.
    """

    @property
    def unlocked(self) -> Mapping[str, str]: ...

    def lost(self, node: str) -> str | None:
        """Why the node is not held any more, or None while all is well."""


class CommandRunner(Protocol):
    """Runs commands on the nodes."""

    async def run(
        self, node: str, argv: Sequence[str], *, stdin: str, timeout_s: float, dead_man: str | None = None
    ) -> CommandAnswer:
        """`dead_man`: it is run only while the timer of this undo (its unit without suffix) is still to fire.

        Raises NotSent, also when that timer is over; OutcomeUnknown.
        """

    async def pushed(self, files: PushedFiles) -> FilesSeen:
        """Which of these files the node has now, and how that push ended there. Raises OutcomeUnknown."""

    async def ask(self, count: int, *, timeout_s: float) -> CommandAnswer:
        """Sends so many requests to each published domain through the VIP, from the operator's machine.

        stdout is JSON: domain -> {service, sent, failed, backends: {node: requests | null}, others}.
        """

    async def through(self, node: str, service: str, count: int, *, timeout_s: float) -> CommandAnswer:
        """Sends so many requests for a service through the nginx on one node, from that node.

        stdout is JSON: {sent, failed, complaint, backends: {endpoint: answers} | null, in_vain: {endpoint:
        requests}, nameless, unavailable}. Raises NotSent, OutcomeUnknown.
        """

    async def confirmed(self, timeout_s: float) -> CommandAnswer:
        """Waits until the operator says that what is in place may stay; exit code 1 when nobody does."""

    async def run_here(self, argv: Sequence[str], *, timeout_s: float) -> CommandAnswer:
        """Runs a command on the operator's machine. Raises OutcomeUnknown when it takes too long."""

    async def run_later(self, name: str, argv: Sequence[str], *, delay_s: float) -> CommandAnswer:
        """Has the operator's machine run it in a while, even if this process is killed, unless `cancel_later`."""

    async def cancel_later(self, name: str) -> CommandAnswer:
        """What was to be done later is not done."""

    def lock(
        self, nodes: Sequence[str], holder: Mapping[str, str], beside: Collection[str] = ()
    ) -> AbstractAsyncContextManager[Lock]:
        """Holds the nodes while the context lasts; `holder` is for others to read. Raises Locked on entry.

        `beside`: those that nothing is done on. One that nobody can lock is left out, and named in the lock.
        """

    async def note(self, node: str, text: str) -> str | None:
        """A line in the node's journal. Returns why it is not there, or may not be; it never raises."""


class StateReader(Protocol):
    """The observed state, and ways to have it observed anew."""

    @property
    def state(self) -> ClusterState: ...

    def now(self) -> float: ...

    def refresh(self) -> None:
        """Asks every node for fresh evidence; it arrives in the state."""

    async def changed(self, timeout_s: float) -> None:
        """Returns at the next change of the state, or after the timeout."""

    async def fresh(self, nodes: Sequence[str], timeout_s: float) -> tuple[str, ...]:
        """Asks for fresh evidence and waits until it is there for these nodes; returns what is not."""


class AuditLog(Protocol):
    """The append-only record of what was done."""

    def check(self) -> None:
        """Raises LedgerError when a record could not be written now."""

    def record(self, kind: str, body: Mapping[str, object]) -> Anchor | None:
        """Returns what nodes are to remember of the record. Raises LedgerError."""


class GapMeter(Protocol):
    """Measures what a client loses while an action runs."""

    def start(self) -> None: ...

    def report(self) -> GapReport | None: ...

    def samples(self) -> Samples:
        """The latest attempts, one by one."""

    def stop(self) -> None: ...


T = TypeVar("T")


async def uncancelled(work: Coroutine[Any, Any, T]) -> T:
    """Runs to its end whatever happens: an undo that is interrupted is no undo."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
    return task.result()
