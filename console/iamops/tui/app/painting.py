"""From event to pixel: marks what the news touches, and paints the view in sight when a frame is due."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Protocol

from iamops.judge.findings import NOTHING_DURING, Diagnosis, Finding, Key, flat
from iamops.judge.triage.events import EarlierInspection, ReportedFindings, earlier_inspection, only_deep, standing
from iamops.model.events import Event, Noticed
from iamops.model.observed import Freshness, Known
from iamops.model.state import ClusterState
from iamops.tui.app.ports import ClusterPort
from iamops.tui.app.views import Views
from iamops.tui.toolkit.frame_state import ALL, ConsoleMode, ScreenPart, ViewState, touched, urgent

# Decides when to paint: at once after a silence, at most every 16 ms in a storm, calmly for routine news.

URGENT_GAP_S = 0.016
ROUTINE_GAP_S = 0.25

Paint = Callable[[frozenset[ScreenPart]], None]
Later = Callable[[float, Callable[[], None]], object]


class RepaintScheduler:
    """Gathers dirty parts and paints them. `later(delay_s, call)` runs a call on the front's own loop."""

    def __init__(self, paint: Paint, later: Later, clock: Callable[[], float] = time.monotonic) -> None:
        self._paint = paint
        self._later = later
        self._clock = clock
        self._dirty: frozenset[ScreenPart] = frozenset()
        self._painted_at = float("-inf")
        self._due_at = float("inf")
        self._ticket = 0

    def mark(self, parts: frozenset[ScreenPart], *, urgent: bool) -> None:
        """Notes that parts changed, and sees to it that a frame is due soon enough."""
        self._dirty |= parts
        now = self._clock()
        due_at = max(now, self._painted_at + (URGENT_GAP_S if urgent else ROUTINE_GAP_S))
        if due_at < self._due_at:
            self._due_at = due_at
            self._ticket += 1
            self._later(due_at - now, partial(self._flush, self._ticket))

    def _flush(self, ticket: int) -> None:
        """Paints what is dirty, unless an earlier frame was asked for meanwhile: then that one paints."""
        if ticket != self._ticket:
            return
        self._due_at = float("inf")
        dirty, self._dirty = self._dirty, frozenset()
        if dirty:
            self._painted_at = self._clock()
            self._paint(dirty)


# While an action is under way, what it brings about is told as that, and nothing advises against it.

# What it stopped or moved has come to rest so long after it.
SETTLES_S = 5.0
# What no action brings about on purpose.
NEVER_MEANT = frozenset({"split-brain"})


def locked(state: ClusterState) -> str:
    """The action that holds a node, whoever runs it: a drill from another terminal is no trouble either."""
    locks = (node.safety.value.lock for node in state.nodes.values() if isinstance(node.safety, Known))
    return next((f"{lock.action} by {lock.who}" for lock in locks if lock is not None), "")


class RunEffects:
    """Remembers what was found before the run began: that keeps its steps."""

    def __init__(self, running: Callable[[], str]) -> None:
        self._running = running
        self._name = ""
        self._until = float("-inf")
        self._before: frozenset[Key] = frozenset()
        self._known: frozenset[Key] = frozenset()

    def reported(self, findings: tuple[Finding, ...], now: float) -> tuple[Finding, ...]:
        """The findings, those that came with the run without a step of their own."""
        running = self._running()
        if running:
            if not self._name:
                self._before = self._known
            self._name, self._until = running, now + SETTLES_S
        elif now >= self._until:
            self._name = ""
        if not self._name:
            self._known = frozenset(each.key for each in flat(findings))
            return findings
        return tuple(self._without_step(each) for each in findings)

    def _without_step(self, finding: Finding) -> Finding:
        explains = tuple(self._without_step(each) for each in finding.explains)
        if finding.key in self._before or finding.code in NEVER_MEANT:
            return replace(finding, explains=explains)
        return replace(finding, explains=explains, next=f"{NOTHING_DURING} {self._name}")


# Asks the rules about the present, not at every frame, and keeps what stands for whoever paints.

JUDGE_GAP_S = 0.25


class RuleRunner:
    """`judged(live, now)` hears every answer of the rules; `again()` has them asked at a later frame.

    `findings` are the live ones and those of the last deep look in one tree, `deep` those that it alone told.
    """

    def __init__(
        self,
        cluster: ClusterPort,
        judged: Callable[[tuple[Finding, ...], float], None],
        again: Callable[[], None],
        running: Callable[[], str],
    ) -> None:
        """`running` is the action of ours that is under way, in words."""
        self._cluster, self._judged, self._again = cluster, judged, again
        self._own_run = RunEffects(lambda: running() or locked(cluster.store.state))
        self._asked_at = float("-inf")
        self._live: tuple[Finding, ...] = ()
        self.look: EarlierInspection | None = None
        self.findings: tuple[Finding, ...] = ()
        self.deep: frozenset[Key] = frozenset()
        self._told = ReportedFindings()

    def ask(self) -> bool:
        """Asks, unless that was done a moment ago; True if the answer changed."""
        now = self._cluster.now()
        if abs(now - self._asked_at) < JUDGE_GAP_S:
            self._again()
            return False
        self._asked_at = now
        found = self._cluster.findings(self._cluster.store.state, now)
        self._judged(found, now)
        self._live = self._own_run.reported(found, now)
        return self._stand(now)

    def on_inspection(self, diagnosis: Diagnosis) -> None:
        """A deep look is over. It stays part of what stands, whichever view is open."""
        now = self._cluster.now()
        self.look = earlier_inspection(diagnosis, now, self._live)
        self._stand(now)

    def _stand(self, now: float) -> bool:
        before, self.findings = self.findings, standing(self._live, self.look, now)
        self.deep = only_deep(self._live, self.look)
        self._tell_changes(now)
        return before != self.findings

    def _tell_changes(self, now: float) -> None:
        """What came and what is over are lines of the event list."""
        nodes = self._cluster.store.state.nodes.values()
        unseen = [node.name for node in nodes if node.freshness(now) is not Freshness.LIVE]
        self._told, notices = self._told.step(self.findings, unseen, now)
        for each in notices:
            self._cluster.store.apply(Noticed(each.at, each.node, each.severity, each.text))


# What there is to paint: the present, or the picture at which the operator paused.


class Pause:
    """Makes the moments that views paint. Filter, stance and what the header shows are never held back."""

    def __init__(self, cluster: ClusterPort, judging: RuleRunner) -> None:
        self._cluster, self._judging = cluster, judging
        self._held: ViewState | None = None

    @property
    def on(self) -> bool:
        return self._held is not None

    def toggle(self) -> None:
        self._held = self._present() if self._held is None else None

    def held_state(self, needle: str, stance: ConsoleMode) -> ViewState:
        present = replace(self._present(), filter_text=needle, mode=stance)
        if self._held is None:
            return present
        paused_s = present.now - self._held.now
        return replace(self._held, filter_text=needle, paused_s=paused_s, mode=stance, present=present)

    def _present(self) -> ViewState:
        judging = self._judging
        return ViewState(
            self._cluster.store.state,
            self._cluster.now(),
            judging.findings,
            inspection=judging.look,
            deep=judging.deep,
        )


HEADER = frozenset({ScreenPart.HEADER})
FINDING = frozenset({ScreenPart.FINDING})


class PainterHost(Protocol):
    """What is needed of the console."""

    @property
    def is_running(self) -> bool: ...

    @property
    def mode(self) -> ConsoleMode: ...

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        """Calls from inside the app's own message pump."""
        ...


class Repainter:
    """Only marks are made at once. `judged(findings, now)` hears what the rules answered on the way."""

    def __init__(
        self,
        host: PainterHost,
        cluster: ClusterPort,
        views: Views,
        judged: Callable[[tuple[Finding, ...], float], None],
    ) -> None:
        self._host, self._views = host, views
        self._frames = RepaintScheduler(self._paint, host.later)
        self._judging = RuleRunner(
            cluster, judged, lambda: self._mark_routine(ScreenPart.FINDING), lambda: host.mode.running
        )
        self._pause = Pause(cluster, self._judging)

    def view_state(self) -> ViewState:
        """What a view is to show now, whatever its filter lets pass."""
        return self._pause.held_state(self._views.filter_text, self._host.mode)

    def pause(self) -> None:
        """Holds the picture, or lets go of the one that is held."""
        self._pause.toggle()
        self.everything()

    # --- marks ---

    def everything(self) -> None:
        self._frames.mark(ALL, urgent=True)

    def header(self) -> None:
        """The stance is another: it is shown even beside a held picture."""
        self._frames.mark(HEADER, urgent=True)

    def on_event(self, event: Event) -> None:
        """The store has taken in an event. Beside a held picture only the header goes on, and the judging."""
        parts = touched(event) & HEADER if self._pause.on else touched(event)
        if parts:
            self._frames.mark(parts, urgent=urgent(event))
        self._mark_routine(ScreenPart.FINDING)

    def on_inspection(self, diagnosis: Diagnosis) -> None:
        """A deep look is over: what it found stands in every view."""
        self._judging.on_inspection(diagnosis)
        self._frames.mark(HEADER | {ScreenPart.FINDING}, urgent=True)

    @property
    def inspected(self) -> bool:
        return self._judging.look is not None

    def stir(self, part: ScreenPart) -> None:
        """A part has news that did not come through the store."""
        if not self._pause.on:
            self._mark_routine(part)

    def _mark_routine(self, part: ScreenPart) -> None:
        self._frames.mark(frozenset({part}), urgent=False)

    # --- a frame ---

    def _paint(self, parts: frozenset[ScreenPart]) -> None:
        if not self._host.is_running:
            return
        if ScreenPart.FINDING in parts and self._judging.ask():
            parts |= HEADER
        elif parts == FINDING:
            return  # the rules were asked, and nothing is another; ages are painted as time goes on
        self._views.current.paint(self.view_state(), parts)
