"""Which view is in sight: opens views, closes them, and has them read what is not in the store."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from dataclasses import replace

from textual.app import App

from console.model.drill import Drill
from console.tui.actions import AUDIT, CONFIG, DRILLS, LOGS, TRAFFIC, TRIAGE, Situation
from console.tui.palette import Palette
from console.tui.screens.overview import Overview
from console.tui.screens.view import Sources, View
from console.tui.view.moment import Moment
from console.tui.work import begin

# The views above the Overview, loaded when they are first opened.
VIEWS: Mapping[str, tuple[str, str]] = {
    TRAFFIC: ("traffic", "TrafficScreen"),
    LOGS: ("logs", "LogsScreen"),
    AUDIT: ("audit", "AuditScreen"),
    DRILLS: ("drills", "DrillsScreen"),
    CONFIG: ("config", "ConfigScreen"),
    TRIAGE: ("triage", "TriageScreen"),
}


class Views:
    """Views stand beside each other above the Overview, never on top of one another; dialogs lie over them.

    `base` is what every view knows of the cluster's names. A filter belongs to the view it was typed in: it is
    kept for that one, and goes to no other.
    """

    def __init__(self, app: App[None], base: Situation) -> None:
        self._app, self._base = app, base
        self._needles: dict[str, str] = {}

    def overview(self, moment: Moment, palette: Palette) -> Overview:
        """The view under all others; to be made once."""
        return Overview(moment, palette, self._base)

    @property
    def in_sight(self) -> View:
        """The full screen in sight, under whatever dialogs are open."""
        return self._open[-1]

    @property
    def at_overview(self) -> bool:
        return isinstance(self.in_sight, Overview)

    @property
    def needle(self) -> str:
        """The filter of the view in sight; empty before there is one."""
        return self._open[-1].moment.needle if self._open else ""

    @property
    def _open(self) -> tuple[View, ...]:
        return tuple(screen for screen in self._app.screen_stack if isinstance(screen, View))

    def open(self, name: str, moment: Moment, palette: Palette) -> None:
        """Puts one of VIEWS in the place of the view in sight, or above the Overview."""
        module, screen = VIEWS[name]
        made = getattr(importlib.import_module(f"console.tui.screens.{module}"), screen)
        self._keep_needle()
        view: View = made(replace(moment, needle=self._needles.get(name, "")), palette, self._base)
        if self.at_overview:
            self._app.push_screen(view)
        else:
            self._app.switch_screen(view)

    def close(self) -> None:
        """Back to the Overview."""
        self._keep_needle()
        self._app.pop_screen()

    def _keep_needle(self) -> None:
        self._needles[self.in_sight.NAME] = self.needle

    def learn(self, sources: Sources) -> None:
        """Has the view in sight read what is not in the store; a second wish takes the place of the first."""
        view = self.in_sight
        begin(self._app, functools.partial(self._learned, view, sources), f"learn {view.NAME}")

    async def _learned(self, view: View, sources: Sources) -> None:
        show = await view.learn(sources)
        if self._app.is_running and self.in_sight is view:
            show()

    def know_drills(self, drills: tuple[Drill, ...]) -> None:
        """What there is to be run by name; for the open views and those to come."""
        self._base = replace(self._base, drills=tuple(drill.name for drill in drills))
        for view in self._open:
            view.base = self._base

    def dress(self, palette: Palette) -> None:
        """Puts another theme on every open view."""
        for view in self._open:
            view.dress(palette)
