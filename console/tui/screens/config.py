"""The config view: every managed file of every node, how it stands, and what a push would change in it."""

from __future__ import annotations

from collections.abc import Callable

from console.judge.config_sight import ConfigSight
from console.model.events import ConfigCompared
from console.model.facts import Severity
from console.tui.actions import CONFIG, Situation
from console.tui.palette import Palette
from console.tui.screens.listing import Listing
from console.tui.screens.view import Sources
from console.tui.view.config import file_story, summary
from console.tui.view.moment import Moment
from console.tui.view.tone import Line, Span, Tone
from console.tui.widgets.config_list import ConfigList


class ConfigScreen(Listing):
    """Shows one sight of the files, and the next when something has changed."""

    NAME = CONFIG
    ABOUT = ConfigList.ABOUT
    LEARNS_AT = (ConfigCompared,)

    def __init__(self, moment: Moment, palette: Palette, base: Situation) -> None:
        self._files = ConfigList("list")
        self._sight: ConfigSight | None = None
        super().__init__(moment, palette, base, self._files)

    async def learn(self, sources: Sources) -> Callable[[], None]:
        try:
            sight = await sources.deck.config()
        except Exception as error:
            text = f"the files cannot be compared: {str(error) or type(error).__name__}"
            return lambda: self.toast(text, Severity.WARNING)
        return lambda: self.turn_to(sight)

    def turn_to(self, sight: ConfigSight) -> None:
        """Shows another sight, once the list has its place on the screen."""
        self._sight = sight
        self._files.turn_to(sight)
        self.call_after_refresh(self.show_story)

    def story(self, width: int) -> tuple[Line, ...]:
        sight, chosen = self._sight, self._files.chosen
        if sight is None:
            return ((Span("reading the nodes' files…", Tone.MUTED),),)
        lines = summary(sight, width)
        return (*lines, *file_story(chosen, width)) if chosen is not None else lines
