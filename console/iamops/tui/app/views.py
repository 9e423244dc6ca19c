"""Which view is on the screen: opens views, closes them, and has them read what is not in the store."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from iamops.model.drill import Drill
from iamops.tui.app.actions import AUDIT, CONFIG, DRILLS, LOGS, TRAFFIC, TRIAGE, ActionContext
from iamops.tui.overview.screen import Overview
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.screen import ViewScreen

if TYPE_CHECKING:
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
