"""Which view is in sight: opens views, closes them, and has them read what is not in the store."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from textual.app import App

from iamops.model.drill import Drill
from iamops.tui.app.actions import AUDIT, CONFIG, DRILLS, LOGS, TRAFFIC, TRIAGE, ActionContext
from iamops.tui.app.ports import ClusterPort, LogPort, TrafficPort
from iamops.tui.overview.screen import Overview
from iamops.tui.toolkit.frame_state import ScreenPart, ViewState
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.screen import ViewScreen, ViewSources

if TYPE_CHECKING:
    from textual.worker import WorkType

    from iamops.judge.findings import Diagnosis
    from iamops.model.drill import Drill
    from iamops.tui.app.current_run import OperatorPort
    from iamops.tui.app.orders import ActionController


# Work that waits, beside the screen.

Work = Callable[[], Coroutine[Any, Any, object]]


def begin(app: App[None], work: Work, name: str) -> None:
    """Starts it; a second one of its name takes the place of the first.

    What makes the coroutine is given, not the coroutine: a console that ends first would never await it.
    """
    app.run_worker(cast("WorkType[object]", work), name=name, group=name, exclusive=True, exit_on_error=False)


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

    def __init__(self, app: App[None], base: ActionContext) -> None:
        self._app, self._base = app, base
        self._needles: dict[str, str] = {}

    def overview(self, moment: ViewState, palette: Palette) -> Overview:
        """The view under all others; to be made once."""
        return Overview(moment, palette, self._base)

    @property
    def current(self) -> ViewScreen:
        """The full screen in sight, under whatever dialogs are open."""
        return self._open[-1]

    @property
    def at_overview(self) -> bool:
        return isinstance(self.current, Overview)

    @property
    def filter_text(self) -> str:
        """The filter of the view in sight; empty before there is one."""
        return self._open[-1].moment.filter_text if self._open else ""

    @property
    def _open(self) -> tuple[ViewScreen, ...]:
        return tuple(screen for screen in self._app.screen_stack if isinstance(screen, ViewScreen))

    def open(self, name: str, moment: ViewState, palette: Palette) -> None:
        """Puts one of VIEWS in the place of the view in sight, or above the Overview."""
        module, screen = VIEWS[name]
        made = getattr(importlib.import_module(f"iamops.tui.{module}"), screen)
        self._keep_needle()
        view: ViewScreen = made(replace(moment, filter_text=self._needles.get(name, "")), palette, self._base)
        if self.at_overview:
            self._app.push_screen(view)
        else:
            self._app.switch_screen(view)

    def close(self) -> None:
        """Back to the Overview."""
        self._keep_needle()
        self._app.pop_screen()

    def _keep_needle(self) -> None:
        self._needles[self.current.NAME] = self.filter_text

    def learn(self, sources: ViewSources) -> None:
        """Has the view in sight read what is not in the store; a second wish takes the place of the first."""
        view = self.current
        begin(self._app, functools.partial(self._learned, view, sources), f"learn {view.NAME}")

    async def _learned(self, view: ViewScreen, sources: ViewSources) -> None:
        show = await view.learn(sources)
        if self._app.is_running and self.current is view:
            show()

    def know_drills(self, drills: tuple[Drill, ...]) -> None:
        """What there is to be run by name; for the open views and those to come."""
        self._base = replace(self._base, drills=tuple(drill.name for drill in drills))
        for view in self._open:
            view.base = self._base

    def set_theme(self, palette: Palette) -> None:
        """Puts another theme on every open view."""
        for view in self._open:
            view.set_theme(palette)


# Where the views read what is not in the store: the session's logs, traffic and deep look, and the deck.


class SessionSources:
    """The `Sources` of every view. `orders()` loads what acting needs, so it is called only when that is wanted.

    `stirred` hears of a part with news that did not come through the store, `looked` what a deep look found,
    `learned` of the drills there are.
    """

    def __init__(
        self,
        cluster: ClusterPort,
        orders: Callable[[], ActionController],
        stirred: Callable[[ScreenPart], None],
        looked: Callable[[Diagnosis], None],
        learned: Callable[[tuple[Drill, ...]], None],
    ) -> None:
        self._cluster, self._orders = cluster, orders
        self._stirred, self._looked, self._learned = stirred, looked, learned

    @property
    def operator(self) -> OperatorPort:
        return self._orders().deck

    def log_tap(self) -> LogPort:
        return self._cluster.log_tap()

    def traffic(self) -> TrafficPort:
        return self._cluster.traffic()

    async def examine(self) -> None:
        self._looked(await self._cluster.examine())

    def stir(self, part: ScreenPart) -> None:
        self._stirred(part)

    async def learn_drills(self) -> tuple[tuple[Drill, ...], str]:
        """The drills, and what is wrong with them in words; drills that were known stay known."""
        drills, problem = await self._orders().learn_drills()
        self._learned(drills)
        return drills, problem
