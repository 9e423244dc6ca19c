"""`iamops watch`: observes a cluster, has the alerts decide what to send, and hands it to the outbox."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from iamops.judge.alerts.memory import missed, recalled, remembered
from iamops.judge.alerts.message import AlertKind, Message, message
from iamops.judge.alerts.state import (
    Alerts,
    AlertSnapshot,
    ObservedMove,
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
from iamops.ledger.outbox import Outbox
from iamops.ledger.watch_directory import WatchDirectory
from iamops.model.events import Event, SafetyReported
from iamops.model.facts import Severity
from iamops.model.observed import Freshness
from iamops.model.state import ClusterState
from iamops.model.text import counted
from iamops.nodes.transport import Clock
from iamops.redact.clean import fault_of_ours
from iamops.report.watch import heartbeat_document
from iamops.session.cluster import Cluster
from iamops.session.watch.delivery import Delivery, Heartbeat

LOOK_EVERY_S = 0.5
SETTLE_S = 10.0
HEARTBEAT_S = 60.0
# A move goes out once it is known whether an action of ours caused it, or after so long without an answer.
ASK_S = 0.4

Log = Callable[[str], None]
Judge = Callable[[ClusterState, float], Diagnosis]


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How to watch. `command` is how iamops is called; `on_line` gets every message and heartbeat.

    `wall`: the machine's clock, by which silences are written; the session's own where there is none.
    """

    policy: Policy = field(default_factory=Policy)
    command: str = "iamops"
    heartbeat_every_s: float = HEARTBEAT_S
    on_line: Callable[[Mapping[str, Any]], None] = lambda _document: None
    judge: Judge = judged
    wall: Clock | None = None


class Watcher:
    """Watches from `run` until it is cancelled or stopped. Its caller must hold the directory."""

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
        self._cluster, self._watch, self._directory = cluster, watch, directory
        self._outbox, self._delivery, self._heartbeat, self._log = outbox, delivery, heartbeat, log
        self._moves: list[ObservedMove] = []
        self._moves_due = 0.0
        self._urgent = asyncio.Event()
        self._stopping = False
        self._before = cluster.store.state
        self._next_beat = 0.0
        self._judged_at = 0.0
        self._first_judged: float | None = None
        self._troubles: dict[str, str] = {}
        self._silent = False
        vips = {name: vrrp.address for name, vrrp in cluster.profile.vrrp.items()}
        self._alerts = Alerts(cluster.profile.name, vips, watch.policy, watch.command, reminded_at=cluster.now())
        if outbox.alerts is not None:
            try:
                self._alerts = recalled(self._alerts, outbox.alerts, cluster.now())
            except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
                log(f"what was known before could not be read ({type(error).__name__}: {error}): starting anew")
        self._kept = remembered(self._alerts)

    def stop(self) -> None:
        """`run` returns soon after."""
        self._stopping = True
        self._urgent.set()

    async def run(self, *, looks_s: float | None = None) -> None:
        """Watches; `looks_s`: only for so long after everything was seen once."""
        if count := self._outbox.unreadable:
            title = f"{counted(count, 'record')} of the outbox could not be read: a message may be lost"
            kept = f"they are kept in {self._directory.outbox.with_suffix('.bad')}"
            self._notice(Severity.WARNING, title, (kept,))
        unsubscribe = self._cluster.store.subscribe(self._on_event)
        self._delivery.start()
        await self._cluster.start()
        settled = asyncio.create_task(self._cluster.settled(SETTLE_S), name="settle")
        ends_at: float | None = None
        try:
            while not self._stopping and (ends_at is None or self._cluster.now() < ends_at):
                self._look(everything=settled.done())
                if looks_s is not None and ends_at is None and settled.done():
                    ends_at = self._cluster.now() + looks_s
                wait_s = LOOK_EVERY_S
                if self._moves:
                    wait_s = min(wait_s, max(0.0, self._moves_due - self._cluster.now()))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._urgent.wait()
                    self._urgent.clear()
        finally:
            unsubscribe()
            settled.cancel()
        self._look(everything=False)

    def _look(self, *, everything: bool) -> None:
        """The edge: a failed look is reported once, and repeated. Signs of life stop until one succeeds."""
        try:
            self._cluster.check_parts()
            self._judge(everything=everything)
        except Exception as error:
            fault = fault_of_ours(error)
            known = self._troubles.get("look", "")
            self._trouble("look", fault)
            if not known:
                self._notice(Severity.CRITICAL, f"iamops watch cannot judge what it sees: {fault}")
        else:
            self._trouble("look", "")

    def _on_event(self, state: ClusterState, event: Event) -> None:
        """A move is recorded as it stands at once; who holds the nodes is asked meanwhile."""
        now = self._cluster.now()
        for move in new_moves(self._before, state):
            if not self._moves:
                self._moves_due = now + ASK_S
                self._cluster.refresh_locks()
            self._moves.append(ObservedMove(move, move_evidence(state, move, now)))
            self._urgent.set()
        if self._moves and isinstance(event, SafetyReported):
            answered = event.node == self._moves[-1].move.node or event.report.lock is not None
            self._moves_due = now if answered else self._moves_due
            self._urgent.set()
        self._before = state

    def _judge(self, *, everything: bool) -> None:
        """One step of the policy. A move goes out before the findings are asked for, which takes its time."""
        state, now = self._cluster.store.state, self._cluster.now()
        silence, trouble = self._directory.silence(self._watch.wall() if self._watch.wall is not None else now)
        self._trouble("silence", trouble)
        if (silence is not None) != self._silent:
            self._silent = silence is not None
            self._log("a silence holds: alerts are held back" if self._silent else "the silence is over")
        moves: tuple[ObservedMove, ...] = ()
        if now >= self._moves_due or self._stopping:
            moves, self._moves = tuple(self._moves), []
        snapshot = AlertSnapshot(
            moves, None, owners(state, now), split(state), unseen(state, now), (), silence, during(state)
        )
        if moves or not everything:
            self._step(now, snapshot)
        if everything and now - self._judged_at >= LOOK_EVERY_S / 2:
            self._judged_at = now
            diagnosis = self._watch.judge(state, now)
            snapshot = replace(
                snapshot, moves=(), findings=diagnosis.findings, not_evaluated=diagnosis.not_evaluated
            )
            self._step(now, snapshot)
            self._catch_up(now, snapshot)
            self._beat(state, now)
        self._delivery.check()

    def _step(self, now: float, snapshot: AlertSnapshot) -> None:
        self._alerts, messages = step(self._alerts, now, snapshot)
        kept = remembered(self._alerts)
        if messages or kept != self._kept:
            self._kept = kept
            self._send(messages, kept)

    def _send(self, messages: tuple[Message, ...], kept: Mapping[str, Any] | None = None) -> None:
        """On disk first; then it may leave."""
        put = self._outbox.put(messages, self._delivery.keys, kept)
        self._trouble("outbox", self._outbox.trouble)
        for queued in put:
            self._log(f"message {queued.number}: {queued.message.subject}")
            self._watch.on_line(queued.document)
        if put:
            self._delivery.changed()

    def _catch_up(self, now: float, snapshot: AlertSnapshot) -> None:
        """Sends single destinations what they have missed; all others have accepted it."""
        if self._first_judged is None:
            self._first_judged = now
        knows = {key: self._outbox.knows(key) for key in self._delivery.keys}
        owed = tuple(missed(self._alerts, now, snapshot, knows, looked_s=now - self._first_judged))
        for destination, missing in owed:
            for queued in self._outbox.put((missing,), (destination,)):
                self._log(f"message {queued.number} for whoever has not heard it: {missing.subject}")
        if owed:
            self._trouble("outbox", self._outbox.trouble)
            self._delivery.changed()

    def _beat(self, state: ClusterState, now: float) -> None:
        if now < self._next_beat or not self._heartbeat.configured:
            return
        live = [node.name for node in state.nodes.values() if node.freshness(now) is Freshness.LIVE]
        if not live:
            return
        self._next_beat = now + self._watch.heartbeat_every_s
        self._heartbeat.beat()
        self._watch.on_line(heartbeat_document(self._alerts.profile, now, live))

    def _notice(self, severity: Severity, title: str, body: tuple[str, ...] = ()) -> None:
        now, name = self._cluster.now(), self._alerts.profile
        self._send((message(now, AlertKind.NOTICE, severity, name, title, body),), self._kept)

    def _trouble(self, what: str, trouble: str) -> None:
        if trouble != self._troubles.get(what, ""):
            self._log(f"{what}: {trouble}" if trouble else f"{what}: well again")
        self._troubles[what] = trouble
