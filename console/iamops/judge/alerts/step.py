"""When to say what: VIP moves and findings over time -> messages. Deduplicated, damped, resolved; no I/O."""

from __future__ import annotations

from dataclasses import replace

from iamops.judge.alerts.case import Alert, alerts_after
from iamops.judge.alerts.message import HELD_BY_BOTH, UNSEEN_MOVE, Message, MessageWriter, with_commands
from iamops.judge.alerts.state import Alerts, AlertSnapshot, Damper, SilenceState, VipMemory
from iamops.judge.findings import Finding, Key, loudest
from iamops.model.facts import RANK

# Where the VIP is and where it was last seen must differ for this long before it is reported as a move that
# nobody saw: the event of a move that is under way comes sooner.
STRAYED_AFTER_S = 1.0


def step(alerts: Alerts, now: float, snapshot: AlertSnapshot) -> tuple[Alerts, tuple[Message, ...]]:
    """What is to be said at `now`, and what is to be remembered afterwards."""
    turn = _AlertStep(alerts, now, snapshot)
    turn.begin_or_end_silence()
    turn.vip_moves()
    if snapshot.findings is not None:
        turn.findings(snapshot.findings)
    if turn.silence is None:
        turn.sums()
        turn.remind()
    after = replace(
        alerts,
        memory=turn.memory,
        cases=turn.cases,
        dampers=turn.dampers,
        silence=turn.silence,
        reminded_at=turn.reminded_at,
        evaluated_at=alerts.evaluated_at if snapshot.findings is None else now,
    )
    return after, tuple(turn.messages)


class _AlertStep:
    """One step under way: copies of what is remembered, which it changes, and the messages so far."""

    def __init__(self, alerts: Alerts, now: float, snapshot: AlertSnapshot) -> None:
        self._alerts, self._policy, self._now, self._snapshot = alerts, alerts.policy, now, snapshot
        self._words = MessageWriter(alerts.profile, now, snapshot.during)
        self.memory = dict(alerts.memory)
        self.cases = dict(alerts.cases)
        self.dampers = dict(alerts.dampers)
        self.silence = alerts.silence
        self.reminded_at = alerts.reminded_at
        self.messages: list[Message] = []

    def begin_or_end_silence(self) -> None:
        held, wanted = self.silence, self._snapshot.silence
        if wanted is not None:
            self.silence = replace(held, silence=wanted) if held else SilenceState(wanted)
        elif held is not None:
            self.silence = None
            self.cases = {key: replace(alert, held_back=False) for key, alert in self.cases.items()}
            places = [
                f"VIP {vip} is on {self._vip(instance).seen_on or 'a node that is not known'}"
                for instance, vip in self._alerts.vips.items()
            ]
            self._say(self._words.silence_over(held.silence, held.moves, held.cases, places))

    # --- VIP moves ---

    def vip_moves(self) -> None:
        for seen in self._snapshot.moves:
            move, vip = seen.move, self._alerts.vips[seen.move.instance]
            message = self._words.moved(move, vip, seen.evidence)
            self._vip_moved(move.instance, move.node, move.previous.split(", "), message)
        for instance in self._snapshot.split:
            self.memory[instance] = replace(self._vip(instance), elsewhere_since=None, split=True)
        for instance, owner in self._snapshot.owners.items():
            self._compare(instance, owner)

    def _compare(self, instance: str, owner: str) -> None:
        """Compares where it is with where it was last seen: a move that nobody saw is reported as well."""
        memory = self._vip(instance)
        splits = [a for a in self.cases.values() if a.code == "split-brain" and a.instance == instance]
        # Who has it after a split brain is reported with its end: it has not moved.
        ending = memory.split and any(alert.open or alert.reported_as is not None for alert in splits)
        if memory.seen_on in (None, owner) or ending:
            self.memory[instance] = replace(memory, seen_on=owner, elsewhere_since=None, split=False)
        elif memory.elsewhere_since is None:
            self.memory[instance] = replace(memory, elsewhere_since=self._now)
        elif self._now - memory.elsewhere_since >= STRAYED_AFTER_S:
            was, vip = str(memory.seen_on), self._alerts.vips[instance]
            how = HELD_BY_BOTH if memory.split else UNSEEN_MOVE
            self._vip_moved(instance, owner, [was], self._words.moved_unobserved(vip, was, owner, how))

    def _vip_moved(self, instance: str, node: str, previous: list[str], message: Message) -> None:
        """It is on another node than before: said now, or counted towards a sum or what a silence holds back."""
        before = self._vip(instance)
        after = replace(before, seen_on=node, elsewhere_since=None, split=False)
        if self.silence is not None:
            self.silence = replace(self.silence, moves=self.silence.moves + 1)
        else:
            damper, at_once = before.damper.happened(self._now, self._policy.limits)
            after = replace(after, damper=damper, between=before.between | {node, *previous})
            if at_once:
                self._say(message)
        self.memory[instance] = after

    # --- findings ---

    def findings(self, found: tuple[Finding, ...]) -> None:
        evaluated_at, snapshot = self._alerts.evaluated_at, self._snapshot
        loud = tuple(f for f in found if RANK[loudest(f)] <= RANK[self._policy.floor])
        since_s = 0.0 if evaluated_at is None else max(0.0, self._now - evaluated_at)
        self.cases = alerts_after(
            self.cases,
            loud,
            now=self._now,
            since_s=since_s,
            unseen=snapshot.unseen,
            not_evaluated=snapshot.not_evaluated,
        )
        for key, alert in tuple(self.cases.items()):
            if alert.ripe(self._policy.patience):
                if self.silence is None:
                    opened = replace(alert, open=True)
                    self._report(key, opened, self._words.found(opened))
                    continue
                self.silence = replace(self.silence, cases=self.silence.cases + (not alert.held_back))
                self.cases[key] = replace(alert, held_back=True)
            elif alert.worse and self.silence is None:
                self._report(key, alert, self._words.found(alert))
            elif alert.cleared_at(self._now, self._policy.patience):
                # A silence keeps what is open, so that its end is reported after it.
                if alert.open and self.silence is None:
                    self._report(key, replace(alert, open=False), self._ended(alert))
                if not self.cases[key].open and not self._damper(key).flapping:
                    del self.cases[key]

    def _report(self, key: Key, alert: Alert, message: Message) -> None:
        """Says it now, or counts it towards the sum."""
        self.dampers[key], at_once = self._damper(key).happened(self._now, self._policy.limits)
        if at_once:
            self._say(message)
            alert = replace(alert, reported_as=alert.severity if alert.open else None)
        self.cases[key] = alert

    def _ended(self, alert: Alert) -> Message:
        """After a split brain, what matters is who has the VIP now."""
        title = alert.title
        if alert.code == "split-brain" and alert.instance in self._alerts.vips:
            vip, owner = self._alerts.vips[alert.instance], self._snapshot.owners.get(alert.instance)
            where = f"VIP {vip} on {owner} only" if owner else f"who has VIP {vip} is not known"
            title = f"split brain ended: {where}"
        return self._words.ended(alert, title)

    # --- sums, and what has calmed down ---

    def sums(self) -> None:
        for instance, memory in self.memory.items():
            damper = memory.damper
            if not damper.due(self._now):
                continue
            vip, on = self._alerts.vips[instance], str(memory.seen_on)
            if damper.count:
                since = damper.since or self._now
                self._say(self._words.moves_summed(vip, damper.count, since, memory.between, on))
            else:
                self._say(self._words.calmed(vip, on, damper.window_s, damper.total))
            self.memory[instance] = replace(memory, damper=damper.summed(self._now), between=frozenset())
        for key, damper in self.dampers.items():
            if damper.due(self._now):
                self.dampers[key] = damper.summed(self._now)
                self._sum_of(key, damper)
        limits = self._policy.limits
        self.dampers = {key: d for key, d in self.dampers.items() if not d.spent(self._now, limits)}

    def _sum_of(self, key: Key, damper: Damper) -> None:
        alert = self.cases.get(key)
        if alert is None:
            return
        if damper.count:
            since = damper.since or self._now
            self._say(self._words.changes_summed(alert, damper.count, since))
        elif alert.open:
            self._say(self._words.found(alert))
            self.cases[key] = replace(alert, reported_as=alert.severity)
        else:
            self._say(self._ended(alert))
            del self.cases[key]

    def remind(self) -> None:
        every_s = self._policy.remind_every_s
        if every_s is None:
            return
        reported = replace(self._alerts, cases=self.cases).reported
        if self.messages or not reported:
            self.reminded_at = self._now
        elif self._now - self.reminded_at >= every_s:
            self._say(self._words.reminder(reported))
            self.reminded_at = self._now

    # --- small steps ---

    def _say(self, message: Message) -> None:
        self.messages.append(with_commands(message, self._alerts.command))

    def _vip(self, instance: str) -> VipMemory:
        return self.memory.get(instance, VipMemory())

    def _damper(self, key: Key) -> Damper:
        return self.dampers.get(key, Damper())
