"""A pane of items of one kind: a row each, and a cursor that chooses one of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

from iamops.tui.toolkit.frame_state import ViewState
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.text import EMPTY, Line, PaneContent, Row, Rows, TextSpan, Tone

Item = TypeVar("Item")


class ItemList(Pane, Generic[Item]):
    """Base of the lists of the audit, config, drills and triage views."""

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
