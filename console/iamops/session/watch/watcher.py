"""`iamops watch`: looks at a cluster, decides with the alerts what to say, and hands it to the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from iamops.judge.alerts.memory import missed, recalled, remembered
from iamops.judge.alerts.message import AlertKind, Message, message
from iamops.judge.alerts.state import (
    Alerts,
    AlertSnapshot,
    Moved,
    Policy,
    during,
    judged,
    move_evidence,
    new_moves,
    owners,
    split,
    unseen,
)
from iamops.judge.alerts.step import step
from iamops.judge.findings import Diagnosis
from iamops.ledger.outbox import Outbox, OutboxMessage
from iamops.ledger.watch_directory import WatchDirectory
from iamops.model.events import Event, SafetyReported
from iamops.model.facts import Severity
from iamops.model.observed import Freshness
from iamops.model.state import ClusterState
from iamops.model.text import counted
from iamops.redact.clean import fault_of_ours
from iamops.report.watch import heartbeat_document
from iamops.session.clock import Clock
from iamops.session.cluster import Cluster
from iamops.session.watch.delivery import Delivery, Heartbeat

LOOK_EVERY_S = 0.5
SETTLE_S = 10.0
HEARTBEAT_S = 60.0
# A move is told after we have heard whether an action of ours caused it, or after so long without an answer.
ASK_S = 0.4

Log = Callable[[str], None]
Tell = Callable[[Mapping[str, Any]], None]
Judge = Callable[[ClusterState, float], Diagnosis]


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How to watch. `command` is how iamops is called; `tell` hears of every message and heartbeat.

    `wall`: the machine's clock, by which silences are written; the session's own where there is none.
    """

    policy: Policy = field(default_factory=Policy)
    command: str = "iamops"
    heartbeat_every_s: float = HEARTBEAT_S
    on_line: Tell = lambda _document: None
    judge: Judge = judged
    wall: Clock | None = None


class Watcher:
    """Watches from `run` until it is cancelled or told to stop. The directory must be held by its caller."""

    def __init__(
        self,
        cluster: Cluster,
        watch: WatchOptions,
        directory: WatchDirectory,
        outbox: Outbox,
        delivery: Delivery,
        heartbeat: Heartbeat,
        log: Log,
    ) -> None:
        self._cluster = cluster
        self._watch = watch
        self._directory = directory
        self._outbox = outbox
        self._delivery = delivery
        self._heartbeat = heartbeat
        self._log = log
        self._moves: list[Moved] = []
        self._moves_due = 0.0
        self._urgent = asyncio.Event()
        self._stopping = False
        self._before = cluster.store.state
        self._next_beat = 0.0
        self._asked_at = 0.0
        self._first_look: float | None = None
        self._troubles: dict[str, str] = {}
        self._silent = False
        vips = {name: vrrp.address for name, vrrp in cluster.profile.vrrp.items()}
        fresh = Alerts(cluster.profile.name, vips, watch.policy, watch.command, reminded_at=cluster.now())
        self._alerts = self._recall(fresh)
        self._kept = remembered(self._alerts)

    def stop(self) -> None:
        """`run` returns soon after."""
        self._stopping = True
        self._urgent.set()

    async def run(self, *, looks_s: float | None = None) -> None:
        """Watches; `looks_s`: only for so long after everything was seen once."""
        self._tell_unread()
        unsubscribe = self._cluster.store.subscribe(self._heard)
        self._delivery.start()
        await self._cluster.start()
        settled = asyncio.create_task(self._cluster.settled(SETTLE_S), name="settle")
        ends_at: float | None = None
        try:
            while not self._stopping and (ends_at is None or self._cluster.now() < ends_at):
                self._looked(everything=settled.done())
                if looks_s is not None and ends_at is None and settled.done():
                    ends_at = self._cluster.now() + looks_s
                await self._pause()
        finally:
            unsubscribe()
            settled.cancel()
        self._looked(everything=False)

    def _looked(self, *, everything: bool) -> None:
        """The edge: a look that fails is told once, and looked again. Signs of life stop until one succeeds."""
        try:
            self._cluster.check_parts()
            self._look(everything=everything)
        except Exception as error:
            fault = fault_of_ours(error)
            known = self._troubles.get("look", "")
            self._trouble("look", fault)
            if not known:
                self._notice(Severity.CRITICAL, f"iamops watch cannot judge what it sees: {fault}")
        else:
            self._trouble("look", "")

    async def _pause(self) -> None:
        wait_s = LOOK_EVERY_S
        if self._moves:
            wait_s = min(wait_s, max(0.0, self._moves_due - self._cluster.now()))
        try:
            async with asyncio.timeout(wait_s):
                await self._urgent.wait()
        except TimeoutError:
            return
        self._urgent.clear()

    def _heard(self, state: ClusterState, event: Event) -> None:
        """A move is taken as it stands at that moment; who holds the nodes is asked at once."""
        now = self._cluster.now()
        for move in new_moves(self._before, state):
            if not self._moves:
                self._moves_due = now + ASK_S
                self._cluster.refresh_locks()
            self._moves.append(Moved(move, move_evidence(state, move, now)))
            self._urgent.set()
        if self._moves and isinstance(event, SafetyReported):
            answered = event.node == self._moves[-1].move.node or event.report.lock is not None
            self._moves_due = now if answered else self._moves_due
            self._urgent.set()
        self._before = state

    def _look(self, *, everything: bool) -> None:
        """One step of the policy. A move is told before the findings are asked, which takes its time."""
        state, now = self._cluster.store.state, self._cluster.now()
        silence, trouble = self._directory.silence(self._watch.wall() if self._watch.wall is not None else now)
        self._trouble("silence", trouble)
        self._note_silence(silent=silence is not None)
        moves = self._ripe_moves(now)
        sight = AlertSnapshot(
            moves, None, owners(state, now), split(state), unseen(state, now), (), silence, during(state)
        )
        if moves or not everything:
            self._step(now, sight)
        if everything and now - self._asked_at >= LOOK_EVERY_S / 2:
            self._asked_at = now
            told = self._watch.judge(state, now)
            sight = replace(sight, moves=(), findings=told.findings, blind=told.blind)
            self._step(now, sight)
            self._catch_up(now, sight)
            self._beat(state, now)
        self._delivery.check()

    def _ripe_moves(self, now: float) -> tuple[Moved, ...]:
        if now < self._moves_due and not self._stopping:
            return ()
        moves, self._moves = tuple(self._moves), []
        return moves

    def _step(self, now: float, sight: AlertSnapshot) -> None:
        self._alerts, said = step(self._alerts, now, sight)
        kept = remembered(self._alerts)
        if said or kept != self._kept:
            self._kept = kept
            self._send(said, kept)

    def _send(self, said: tuple[Message, ...], kept: Mapping[str, Any] | None = None) -> None:
        """On disk first; then it is anybody's."""
        parcels = self._outbox.put(said, self._delivery.keys, kept)
        self._trouble("outbox", self._outbox.trouble)
        for parcel in parcels:
            self._told(parcel)
        if parcels:
            self._delivery.changed()

    def _catch_up(self, now: float, sight: AlertSnapshot) -> None:
        """Tells single destinations what they have missed; everybody else has heard it."""
        if self._first_look is None:
            self._first_look = now
        knows = {each: self._outbox.knows(each) for each in self._delivery.keys}
        owed = tuple(missed(self._alerts, now, sight, knows, looked_s=now - self._first_look))
        for destination, said in owed:
            for parcel in self._outbox.put((said,), (destination,)):
                self._log(f"message {parcel.number} for whoever has not heard it: {said.subject}")
        if owed:
            self._trouble("outbox", self._outbox.trouble)
            self._delivery.changed()

    def _told(self, parcel: OutboxMessage) -> None:
        self._log(f"message {parcel.number}: {parcel.message.subject}")
        self._watch.on_line(parcel.document)

    def _beat(self, state: ClusterState, now: float) -> None:
        if now < self._next_beat or not self._heartbeat.wanted:
            return
        live = [node.name for node in state.nodes.values() if node.freshness(now) is Freshness.LIVE]
        if not live:
            return
        self._next_beat = now + self._watch.heartbeat_every_s
        self._heartbeat.beat()
        self._watch.on_line(heartbeat_document(self._alerts.profile, now, live))

    # --- what the watch says of itself ---

    def _recall(self, fresh: Alerts) -> Alerts:
        if self._outbox.alerts is None:
            return fresh
        try:
            return recalled(fresh, self._outbox.alerts, self._cluster.now())
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
            self._log(f"what was known before could not be read ({type(error).__name__}: {error}): starting anew")
            return fresh

    def _tell_unread(self) -> None:
        """Lines that were cut off or changed: a message may be among them."""
        count = self._outbox.unread
        if not count:
            return
        title = f"{counted(count, 'line')} of the outbox could not be read: a message may be lost"
        body = (f"they are kept in {self._directory.outbox.with_suffix('.bad')}",)
        self._notice(Severity.WARNING, title, body)

    def _notice(self, severity: Severity, title: str, body: tuple[str, ...] = ()) -> None:
        now, name = self._cluster.now(), self._alerts.profile
        self._send((message(now, AlertKind.NOTICE, severity, name, title, body),), self._kept)

    def _trouble(self, what: str, trouble: str) -> None:
        if trouble != self._troubles.get(what, ""):
            self._log(f"{what}: {trouble}" if trouble else f"{what}: well again")
        self._troubles[what] = trouble

    def _note_silence(self, *, silent: bool) -> None:
        if silent != self._silent:
            self._log("a silence holds: alerts are held back" if silent else "the silence is over")
        self._silent = silent
