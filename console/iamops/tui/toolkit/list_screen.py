"""A view with a list of items above, and below it the story of what is under the cursor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from iamops.tui.app.actions import ActionContext
from iamops.tui.overview.finding import FindingBar
from iamops.tui.overview.header import StatusHeader
from iamops.tui.toolkit.dialog import toned
from iamops.tui.toolkit.painted import ViewState
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.screen import ViewScreen
from iamops.tui.toolkit.text import EMPTY, Line, PaneContent, Row, Rows, TextSpan, Tone

Item = TypeVar("Item")


class ItemList(Pane, Generic[Item]):
    """Base of the lists that have a story below them."""

    FILTERED = True
    HEADINGS: ClassVar[tuple[tuple[int, TextSpan], ...]] = ()

    def __init__(self, ident: str) -> None:
        super().__init__(ident)
        self.items: Sequence[Item] = ()
        self.marks: Line = EMPTY

    def key_of(self, item: Item) -> str:
        """The same from one frame to the next: the cursor stays on it."""
        raise NotImplementedError

    def filter_words(self, item: Item) -> Iterable[str]:
        """The texts that a filter looks into."""
        raise NotImplementedError

    def row(self, item: Item, width: int) -> Row:
        raise NotImplementedError

    @property
    def chosen(self) -> Item | None:
        """The item under the cursor."""
        row = self._row_under_cursor()
        return next((item for item in self.items if row is not None and self.key_of(item) == row.key), None)

    def show_items(self, items: Sequence[Item], marks: Line = EMPTY) -> None:
        """Shows other items, or the same ones with newer values; `marks` stand at the end of the title."""
        self.items, self.marks = items, marks
        self.repaint()
        # What is under the cursor is known once the list has its place on the screen.
        self.call_after_refresh(self.post_message, self.Moved())

    def content(self, view: ViewState, width: int, height: int) -> PaneContent:
        shown = [item for item in self.items if view.passes_filter(self.filter_words(item))]
        rows = Rows((self.key_of(item) for item in shown), lambda n: self.row(shown[n], width))
        return PaneContent((TextSpan(self.NAME.upper(), Tone.TITLE),), rows, self.marks, self.HEADINGS)


class ListScreen(ViewScreen):
    """Base of the views with such a list, between the live header and the foot."""

    AUTO_FOCUS = "#list"
    # Whether the top finding has a line of its own; where findings are the list, it would say it twice.
    ALARMED: ClassVar[bool] = True
    DEFAULT_CSS = """
    ListScreen { background: $background; overflow: hidden; }
    ListScreen #list { height: 45%; }
    ListScreen VerticalScroll { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    ListScreen #story { height: auto; }
    ListScreen #finding { height: 1; }
    """

    def __init__(self, view: ViewState, palette: Palette, base: ActionContext, rows: Pane) -> None:
        super().__init__(view, palette, base)
        self._rows = rows

    def story(self, width: int) -> tuple[Line, ...]:
        """Everything about what is under the cursor, wrapped."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        yield StatusHeader("header")
        yield self._rows
        with VerticalScroll(can_focus=False):
            yield Static(id="story")
        if self.ALARMED:
            yield FindingBar("finding")
        yield self.foot

    def on_mount(self) -> None:
        super().on_mount()
        self.paint(self.view_state)

    def set_theme(self, palette: Palette) -> None:
        super().set_theme(palette)
        self.show_story()

    def on_resize(self) -> None:
        self.show_story()

    def on_pane_moved(self) -> None:
        super().on_pane_moved()
        self.show_story()

    def turn_page(self, pages: int) -> None:
        below = self.query_one(VerticalScroll)
        below.scroll_relative(y=pages * max(1, below.size.height - 1), animate=False)

    def show_story(self) -> None:
        lines = self.story(max(40, self.size.width - 4))
        self.query_one("#story", Static).update(toned(lines, self.palette))
