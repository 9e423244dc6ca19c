"""Which view is on the screen, and from event to pixel: what an event touches is painted when a frame is due,
after the rules were asked."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from iamops.judge.findings import NOTHING_DURING, Diagnosis, Finding, Key, flat
from iamops.judge.triage.events import (
    EarlierInspection,
    ReportedFindings,
    earlier_inspection,
    inspection_only,
    standing,
)
from iamops.model.drill import Drill
from iamops.model.events import Event, Noticed
from iamops.model.observed import Freshness, Known
from iamops.model.state import ClusterState
from iamops.tui.app.actions import AUDIT, CONFIG, DRILLS, LOGS, TRAFFIC, TRIAGE, ActionContext
from iamops.tui.app.notifier import SETTLES_S
from iamops.tui.overview.screen import Overview
from iamops.tui.toolkit.painted import ALL, ScreenPart, ViewState, touched, urgent
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.screen import ViewScreen

if TYPE_CHECKING:
    from iamops.session.cluster import Cluster
    from iamops.tui.app.app import ConsoleApp


# The views above the Overview, loaded when they are first opened.
VIEWS: Mapping[str, tuple[str, str]] = {
    TRAFFIC: ("traffic.screen", "TrafficScreen"),
    LOGS: ("logs.screen", "LogsScreen"),
    AUDIT: ("audit", "AuditScreen"),
    DRILLS: ("drills.screen", "DrillsScreen"),
    CONFIG: ("config", "ConfigScreen"),
    TRIAGE: ("triage", "TriageScreen"),
}


class Views:
    """Views stand beside each other above the Overview, never on top of one another; dialogs lie over them.

    `base` is what every view knows of the cluster's names. A filter belongs to the view it was typed in: it is
    kept for that one, and goes to no other.
    """

    def __init__(self, app: ConsoleApp, base: ActionContext) -> None:
        self._app = app
        self.base = base
        self._filters: dict[str, str] = {}

    @property
    def current(self) -> ViewScreen:
        """The view on the screen, under whatever dialogs are open."""
        return self._open[-1]

    @property
    def at_overview(self) -> bool:
        return isinstance(self.current, Overview)

    @property
    def filter_text(self) -> str:
        """The filter of the current view; empty before there is one."""
        return self._open[-1].view_state.filter_text if self._open else ""

    @property
    def _open(self) -> tuple[ViewScreen, ...]:
        return tuple(screen for screen in self._app.screen_stack if isinstance(screen, ViewScreen))

    def open(self, name: str) -> None:
        """Puts one of VIEWS in the place of the current view, or above the Overview."""
        module, screen = VIEWS[name]
        made = getattr(importlib.import_module(f"iamops.tui.{module}"), screen)
        self._keep_filter()
        view_state = replace(self._app.repainter.view_state(), filter_text=self._filters.get(name, ""))
        view: ViewScreen = made(view_state, self.current.palette, self.base)
        if self.at_overview:
            self._app.push_screen(view)
        else:
            self._app.switch_screen(view)

    def close(self) -> None:
        self._keep_filter()
        self._app.pop_screen()

    def _keep_filter(self) -> None:
        self._filters[self.current.NAME] = self.filter_text

    def learn(self) -> None:
        """Has the current view read what is not in the store."""
        view = self.current

        async def learn() -> None:
            show = await view.learn(self._app)
            if self._app.is_running and self.current is view:
                show()

        self._app.work(learn, f"learn {view.NAME}")

    def set_drills(self, drills: tuple[Drill, ...]) -> None:
        """What can be run by name, for the open views and those to come."""
        self.base = replace(self.base, drills=tuple(drill.name for drill in drills))
        for view in self._open:
            view.base = self.base

    def set_theme(self, palette: Palette) -> None:
        for view in self._open:
            view.set_theme(palette)


# When to paint: at once after a silence, at most every 16 ms in a storm, and routine changes less often.

URGENT_GAP_S = 0.016
ROUTINE_GAP_S = 0.25


class RepaintScheduler:
    """Gathers dirty parts and paints them. `later(delay_s, call)` runs a call on the front's own loop."""

    def __init__(
        self,
        paint: Callable[[frozenset[ScreenPart]], None],
        later: Callable[[float, Callable[[], None]], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
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


# While an action is under way, what it brings about is reported as that, and nothing advises against it.

# What no action brings about on purpose.
NEVER_MEANT = frozenset({"split-brain"})


def locked(state: ClusterState) -> str:
    """The action that holds a node's lock, from this terminal or another; empty if there is none."""
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
            self._known = frozenset(finding.key for finding in flat(findings))
            return findings
        return tuple(self._without_step(finding) for finding in findings)

    def _without_step(self, finding: Finding) -> Finding:
        explains = tuple(self._without_step(symptom) for symptom in finding.explains)
        if finding.key in self._before or finding.code in NEVER_MEANT:
            return replace(finding, explains=explains)
        return replace(finding, explains=explains, next=f"{NOTHING_DURING} {self._name}")


# The rules are asked about the present, but not at every frame.
JUDGE_GAP_S = 0.25


class RuleRunner:
    """Asks the rules, for the notifier too. `again()` has them asked at a later frame.

    `findings` are the live ones and those of the last inspection in one tree, `deep` those that it alone found.
    """

    def __init__(self, app: ConsoleApp, cluster: Cluster, again: Callable[[], None]) -> None:
        self._app, self._cluster, self._again = app, cluster, again
        self._effects = RunEffects(lambda: app.mode.running or locked(cluster.store.state))
        self._asked_at = float("-inf")
        self._live: tuple[Finding, ...] = ()
        self.inspection: EarlierInspection | None = None
        self.findings: tuple[Finding, ...] = ()
        self.deep: frozenset[Key] = frozenset()
        self._reported = ReportedFindings()

    def ask(self) -> bool:
        """Asks, unless that was done a moment ago; True if the answer changed."""
        now = self._cluster.now()
        if abs(now - self._asked_at) < JUDGE_GAP_S:
            self._again()
            return False
        self._asked_at = now
        found = self._cluster.findings(self._cluster.store.state, now)
        self._app.notifier.on_findings(found, now)
        self._live = self._effects.reported(found, now)
        return self._update(now)

    def on_inspection(self, diagnosis: Diagnosis) -> None:
        """An inspection is complete. What it found is kept, whichever view is open."""
        now = self._cluster.now()
        self.inspection = earlier_inspection(diagnosis, now, self._live)
        self._update(now)

    def _update(self, now: float) -> bool:
        """What came and what is over are lines of the event list."""
        before, self.findings = self.findings, standing(self._live, self.inspection, now)
        self.deep = inspection_only(self._live, self.inspection)
        nodes = self._cluster.store.state.nodes.values()
        not_live = [node.name for node in nodes if node.freshness(now) is not Freshness.LIVE]
        self._reported, notices = self._reported.step(self.findings, not_live, now)
        for notice in notices:
            self._cluster.store.apply(Noticed(notice.at, notice.node, notice.severity, notice.text))
        return before != self.findings


HEADER = frozenset({ScreenPart.HEADER})
FINDING = frozenset({ScreenPart.FINDING})


class Repainter:
    """Marks what changed at once, and paints it when a frame is due."""

    def __init__(self, app: ConsoleApp, cluster: Cluster, views: Views) -> None:
        self._app, self._cluster, self._views = app, cluster, views
        self._frames = RepaintScheduler(self._paint, app.later)
        self._rules = RuleRunner(app, cluster, lambda: self._frames.mark(FINDING, urgent=False))
        # What was there to paint when the operator paused; None while the screen is live.
        self._held: ViewState | None = None

    def view_state(self) -> ViewState:
        """What a view is to show now. A pause holds back neither filter and mode nor what the header shows."""
        filter_text, mode = self._views.filter_text, self._app.mode
        present = replace(self._present(), filter_text=filter_text, mode=mode)
        if self._held is None:
            return present
        paused_s = present.now - self._held.now
        return replace(self._held, filter_text=filter_text, paused_s=paused_s, mode=mode, present=present)

    def _present(self) -> ViewState:
        state, rules = self._cluster.store.state, self._rules
        return ViewState(state, self._cluster.now(), rules.findings, inspection=rules.inspection, deep=rules.deep)

    def pause(self) -> None:
        """Holds what is on the screen, or goes on."""
        self._held = self._present() if self._held is None else None
        self.repaint_all()

    # --- marks ---

    def repaint_all(self) -> None:
        self._frames.mark(ALL, urgent=True)

    def repaint_header(self) -> None:
        """The console's mode is different: it is shown even while the screen is paused."""
        self._frames.mark(HEADER, urgent=True)

    def on_event(self, event: Event) -> None:
        """The store has taken in an event. While the screen is paused only the header and the rules go on."""
        parts = touched(event) if self._held is None else touched(event) & HEADER
        if parts:
            self._frames.mark(parts, urgent=urgent(event))
        self._frames.mark(FINDING, urgent=False)

    def on_inspection(self, diagnosis: Diagnosis) -> None:
        """An inspection is complete: every view shows what it found."""
        self._rules.on_inspection(diagnosis)
        self._frames.mark(HEADER | FINDING, urgent=True)

    @property
    def inspected(self) -> bool:
        return self._rules.inspection is not None

    def repaint_part(self, part: ScreenPart) -> None:
        """A part changed by something that did not come through the store."""
        if self._held is None:
            self._frames.mark(frozenset({part}), urgent=False)

    # --- a frame ---

    def _paint(self, parts: frozenset[ScreenPart]) -> None:
        if not self._app.is_running:
            return
        if ScreenPart.FINDING in parts and self._rules.ask():
            parts |= HEADER
        elif parts == FINDING:
            return  # the rules were asked, and nothing changed; ages are painted as time goes on
        self._views.current.paint(self.view_state(), parts)
