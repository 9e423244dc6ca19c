"""The triage view: what is wrong, how it is known, and what is safe to do next."""

from __future__ import annotations

from collections.abc import Callable

from console.model.facts import Severity
from console.tui.actions import TRIAGE, Situation
from console.tui.palette import Palette
from console.tui.screens.listing import Listing
from console.tui.screens.view import Sources
from console.tui.spot import Sought, Spot
from console.tui.view.dirty import ALL, Part
from console.tui.view.moment import Moment
from console.tui.view.tone import Line
from console.tui.view.triage import entry_story, sought
from console.tui.widgets.triage_list import TriageList

LIST_MIN = 4


class TriageScreen(Listing):
    """Judges the live state with every frame, and looks deeper when it is opened or asked to."""

    NAME = TRIAGE
    ABOUT = TriageList.ABOUT
    ALARMED = False

    def __init__(self, moment: Moment, palette: Palette, base: Situation) -> None:
        self._list = TriageList("list")
        self._told: tuple[Line, ...] = ()
        super().__init__(moment, palette, base, self._list)

    async def learn(self, sources: Sources) -> Callable[[], None]:
        """The look goes on while the live findings are shown; its failure hides none of them."""
        self._list.looking = True
        self._list.repaint()
        try:
            await sources.examine()
        except Exception as error:
            text = f"the deep look failed: {str(error) or type(error).__name__}"
            return lambda: self._failed(text)
        return self._looked

    def _looked(self) -> None:
        """What the look found comes with the next moment, as it does to every other view."""
        self._list.looking, self._list.problem = False, ""
        self._list.repaint()
        self.call_after_refresh(self.show_story)

    def _failed(self, text: str) -> None:
        self._list.looking, self._list.problem = False, text
        self._list.repaint()
        self.toast(text, Severity.WARNING)

    def go_to(self, spot: Spot) -> None:
        if spot.key:
            self._list.seek(spot.key)
            self.call_after_refresh(self.show_story)

    def do_evidence(self, argument: str) -> None:
        chosen = self._list.chosen
        if chosen is None or chosen.finding is None:
            self.toast("nothing was seen: that is the reason")
            return
        view, at = sought(chosen.finding, self.moment.now)
        self.post_message(Sought(view, Spot(node=chosen.finding.node, at=at)))

    # --- the story, which ages ---

    def story(self, width: int) -> tuple[Line, ...]:
        return entry_story(self._list.chosen, self.moment, self._list.hidden, width)

    def paint(self, moment: Moment, parts: frozenset[Part] = ALL) -> None:
        """Ages move on and evidence changes under a cursor that stays."""
        super().paint(moment, parts)
        self._make_room()
        if Part.FINDING in parts and self.is_mounted and self.story(self._width) != self._told:
            self.show_story()

    def _make_room(self) -> None:
        """The list has what it needs, and not more than half: the rest belongs to the story."""
        wanted = min(max(LIST_MIN, self._list.row_count + 2), max(LIST_MIN, self.size.height // 2 - 1))
        if self._list.size.height != wanted:
            self._list.styles.height = wanted

    def show_story(self) -> None:
        self._make_room()
        self._told = self.story(self._width)
        super().show_story()

    @property
    def _width(self) -> int:
        return max(40, self.size.width - 4)
