"""When to say what: VIP moves and findings over time -> messages. Deduplicated, damped, resolved; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from iamops.judge.alerts import message as words
from iamops.judge.alerts.case import Alert, cases_after, loudest
from iamops.judge.alerts.message import AlertKind, Message
from iamops.judge.alerts.state import Alerts, AlertSnapshot, Damper, Moved, SilenceState, VipMemory
from iamops.judge.findings import Finding, Key
from iamops.model.facts import RANK, Severity

# Where the VIP is and where it was last seen must differ for this long before it is told as a move that
# nobody saw: the event of a move that is under way comes sooner.
STRAYED_AFTER_S = 1.0


def step(alerts: Alerts, now: float, sight: AlertSnapshot) -> tuple[Alerts, tuple[Message, ...]]:
    """What is to be said at `now`, and the memory afterwards."""
    turn = _Turn(alerts, now, sight)
    turn.silence()
    turn.moves()
    if sight.findings is not None:
        turn.findings(sight.findings)
    turn.sums()
    turn.remind()
    return turn.alerts, tuple(turn.said)


class _Turn:
    """One step under way: `alerts` is replaced, `said` grows."""

    def __init__(self, alerts: Alerts, now: float, sight: AlertSnapshot) -> None:
        self.alerts = alerts
        self.now = now
        self.sight = sight
        self.said: list[Message] = []
        self._profile = alerts.profile
        self._policy = alerts.policy

    # --- silence ---

    def silence(self) -> None:
        """Begins to hold back, or tells what was held back."""
        holding, wanted = self.alerts.silence, self.sight.silence
        if wanted is not None:
            hush = replace(holding, silence=wanted) if holding else SilenceState(wanted)
            self.alerts = replace(self.alerts, silence=hush)
        elif holding is not None:
            self.alerts = replace(self.alerts, silence=None, cases=_unhushed(self.alerts.cases))
            places = tuple(
                f"VIP {vip} is on {self._memory(instance).seen_on or 'a node that is not known'}"
                for instance, vip in self.alerts.vips.items()
            )
            self._say(
                words.silence_over(self._profile, self.now, holding.silence, holding.moves, holding.cases, places)
            )

    @property
    def _hushed(self) -> bool:
        return self.alerts.silence is not None

    def _hold_back(self, *, moves: int = 0, cases: int = 0) -> None:
        hush = self.alerts.silence
        if hush is not None:
            hush = replace(hush, moves=hush.moves + moves, cases=hush.cases + cases)
            self.alerts = replace(self.alerts, silence=hush)

    # --- VIP moves ---

    def moves(self) -> None:
        for moved in self.sight.moves:
            self._moved(moved)
        for instance in self.sight.split:
            self._remember(instance, replace(self._memory(instance), elsewhere_since=None, split=True))
        for instance, owner in self.sight.owners.items():
            self._compare(instance, owner)

    def _moved(self, moved: Moved) -> None:
        move, before = moved.move, self._memory(moved.move.instance)
        after = replace(before, seen_on=move.node, elsewhere_since=None, split=False)
        if self._hushed:
            self._hold_back(moves=1)
            self._remember(move.instance, after)
            return
        damper, at_once = before.damper.happened(self.now, self._policy.limits)
        between = before.between | {move.node, *move.previous.split(", ")}
        self._remember(move.instance, replace(after, damper=damper, between=between))
        if at_once:
            vip = self.alerts.vips[move.instance]
            self._say(words.moved(self._profile, move, vip, moved.evidence, self.sight.during))

    def _compare(self, instance: str, owner: str) -> None:
        """Where it is against where it was last seen: what moved unseen is told as well."""
        memory = self._memory(instance)
        if memory.seen_on in (None, owner):
            self._remember(instance, replace(memory, seen_on=owner, elsewhere_since=None, split=False))
        elif memory.split and self._tells_split(instance):
            # Who has it now is told with the end of the split brain: it has not moved.
            self._remember(instance, replace(memory, seen_on=owner, elsewhere_since=None, split=False))
        elif memory.elsewhere_since is None:
            self._remember(instance, replace(memory, elsewhere_since=self.now))
        elif self.now - memory.elsewhere_since >= STRAYED_AFTER_S:
            self._strayed(instance, memory, owner)

    def _tells_split(self, instance: str) -> bool:
        return any(
            case.code == "split-brain"
            and case.instance == instance
            and (case.open or case.reported_as is not None)
            for case in self.alerts.cases.values()
        )

    def _strayed(self, instance: str, memory: VipMemory, owner: str) -> None:
        was, after = str(memory.seen_on), replace(memory, seen_on=owner, elsewhere_since=None, split=False)
        if self._hushed:
            self._hold_back(moves=1)
            self._remember(instance, after)
            return
        damper, at_once = memory.damper.happened(self.now, self._policy.limits)
        self._remember(instance, replace(after, damper=damper, between=memory.between | {was, owner}))
        if at_once:
            vip = self.alerts.vips[instance]
            how = words.HELD_BY_BOTH if memory.split else words.UNSEEN_MOVE
            self._say(words.moved_unobserved(self._profile, self.now, vip, was, owner, how, self.sight.during))

    # --- findings ---

    def findings(self, found: tuple[Finding, ...]) -> None:
        looked_at = self.alerts.evaluated_at
        since_s = 0.0 if looked_at is None else max(0.0, self.now - looked_at)
        loud = _loud(found, self._policy.floor)
        cases = cases_after(
            self.alerts.cases,
            loud,
            now=self.now,
            since_s=since_s,
            unseen=self.sight.unseen,
            blind=self.sight.blind,
        )
        self.alerts = replace(self.alerts, cases=cases, evaluated_at=self.now)
        for key, case in cases.items():
            if case.ripe(self._policy.patience):
                self._ripe(key, case)
            elif case.worse and not self._hushed:
                self._told(key, case, words.found(self._profile, self.now, case, self.sight.during))
            elif case.cleared_at(self.now, self._policy.patience):
                self._gone(key, case)

    def _ripe(self, key: Key, case: Alert) -> None:
        if self._hushed:
            self._hold_back(cases=0 if case.hushed else 1)
            self._put(key, replace(case, hushed=True))
            return
        opened = replace(case, open=True)
        self._told(key, opened, words.found(self._profile, self.now, opened, self.sight.during))

    def _gone(self, key: Key, case: Alert) -> None:
        """A silence keeps what is open, so that its end is told after it."""
        if case.open and not self._hushed:
            self._told(key, replace(case, open=False), self._over(case))
        case = self.alerts.cases[key]
        if not case.open and not self._damper(key).flapping:
            self._drop(key)

    def _over(self, case: Alert) -> Message:
        """Of a split brain, who has the VIP now is what matters."""
        if case.code != "split-brain" or case.instance not in self.alerts.vips:
            return words.resolved(self._profile, self.now, case)
        vip, owner = self.alerts.vips[case.instance], self.sight.owners.get(case.instance)
        return words.split_over(self._profile, self.now, case, vip, owner)

    def _told(self, key: Key, case: Alert, said: Message) -> None:
        """Says it now, or counts it towards the sum."""
        damper, at_once = self._damper(key).happened(self.now, self._policy.limits)
        self.alerts = replace(self.alerts, dampers={**self.alerts.dampers, key: damper})
        if at_once:
            self._say(said)
            case = replace(case, reported_as=case.severity if case.open else None)
        self._put(key, case)

    # --- sums, and what has calmed down ---

    def sums(self) -> None:
        if self._hushed:
            return
        for instance, memory in self.alerts.memory.items():
            if memory.damper.due(self.now):
                self._vip_sum(instance, memory)
        for key, damper in self.alerts.dampers.items():
            if damper.due(self.now):
                self._case_sum(key, damper)
        self._forget_spent()

    def _vip_sum(self, instance: str, memory: VipMemory) -> None:
        damper, vip = memory.damper, self.alerts.vips[instance]
        since = damper.since or self.now
        if damper.count:
            said = words.moves_summed(
                self._profile, self.now, vip, damper.count, since, memory.between, str(memory.seen_on)
            )
        else:
            on = str(memory.seen_on)
            said = words.calmed(self._profile, self.now, vip, on, damper.window_s, damper.total)
        self._say(said)
        self._remember(instance, replace(memory, damper=damper.summed(self.now), between=frozenset()))

    def _case_sum(self, key: Key, damper: Damper) -> None:
        case = self.alerts.cases.get(key)
        self.alerts = replace(self.alerts, dampers={**self.alerts.dampers, key: damper.summed(self.now)})
        if case is None:
            return
        if damper.count:
            since = damper.since or self.now
            self._say(words.case_summed(self._profile, self.now, case, damper.count, since))
        elif case.open:
            self._say(words.found(self._profile, self.now, case, self.sight.during))
            self._put(key, replace(case, reported_as=case.severity))
        else:
            self._say(self._over(case))
            self._drop(key)

    def _forget_spent(self) -> None:
        limits = self._policy.limits
        kept = {k: d for k, d in self.alerts.dampers.items() if not d.spent(self.now, limits)}
        if len(kept) != len(self.alerts.dampers):
            self.alerts = replace(self.alerts, dampers=kept)

    # --- reminders ---

    def remind(self) -> None:
        every_s, told = self._policy.remind_every_s, self.alerts.reported
        if every_s is None or self._hushed:
            return
        if self.said or not told:
            self.alerts = replace(self.alerts, reminded_at=self.now)
        elif self.now - self.alerts.reminded_at >= every_s:
            self._say(words.reminder(self._profile, self.now, told))
            self.alerts = replace(self.alerts, reminded_at=self.now)

    # --- small steps ---

    def _say(self, said: Message) -> None:
        self.said.append(_with_commands(said, self.alerts.command))

    def _memory(self, instance: str) -> VipMemory:
        return self.alerts.memory.get(instance, VipMemory())

    def _remember(self, instance: str, memory: VipMemory) -> None:
        self.alerts = replace(self.alerts, memory={**self.alerts.memory, instance: memory})

    def _damper(self, key: Key) -> Damper:
        return self.alerts.dampers.get(key, Damper())

    def _put(self, key: Key, case: Alert) -> None:
        self.alerts = replace(self.alerts, cases={**self.alerts.cases, key: case})

    def _drop(self, key: Key) -> None:
        cases = {each: case for each, case in self.alerts.cases.items() if each != key}
        self.alerts = replace(self.alerts, cases=cases)


def still_so(alerts: Alerts, now: float, during: str) -> dict[str, Message]:
    """What a receiver that has not heard of it must be told: key -> message, as severe as others know it to be.

    Nothing in a silence, nor of what is gone or flaps just now: its next change is told to everybody.
    """
    if alerts.silence is not None:
        return {}
    found: dict[str, Message] = {}
    for key, case in alerts.cases.items():
        if case.open and case.reported_as is not None and case.here and not alerts.flaps(key):
            said = words.found(alerts.profile, now, replace(case, severity=case.reported_as), during)
            found[case.name] = _with_commands(said, alerts.command)
    return found


def _with_commands(said: Message, command: str) -> Message:
    """What is good news needs no next step. A command names its cluster: there may be several."""
    own = "next: iamops "
    body = tuple(
        f"next: {command} {line.removeprefix(own)}" if line.startswith(own) else line for line in said.body
    )
    return said if said.kind is AlertKind.RESOLVED else replace(said, body=(*body, f"more: {command} triage"))


def _loud(found: tuple[Finding, ...], floor: Severity) -> tuple[Finding, ...]:
    """Findings at least as severe as asked, or with such consequences."""
    return tuple(each for each in found if RANK[loudest(each)] <= RANK[floor])


def _unhushed(cases: Mapping[Key, Alert]) -> dict[Key, Alert]:
    return {key: replace(case, hushed=False) for key, case in cases.items()}
