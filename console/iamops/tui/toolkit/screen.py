"""A full screen of the console: panes between a header and the foot, and what all such screens can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Protocol

from textual.events import Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.screen import Screen

from iamops.model.events import Event
from iamops.model.facts import Severity
from iamops.model.text import one_line
from iamops.tui.app.actions import ActionContext
from iamops.tui.foot.foot import Foot
from iamops.tui.foot.lines import Mode
from iamops.tui.toolkit.painted import ALL, Painted, ScreenPart, ViewState
from iamops.tui.toolkit.palette import Palette
from iamops.tui.toolkit.pane import Pane

if TYPE_CHECKING:
    from iamops.model.drill import Drill
    from iamops.session.cluster import Cluster
    from iamops.session.operator import Operator


@dataclass(frozen=True, slots=True)
class Location:
    """Where to put the cursor on another view: a row by its `key`, a node, a time (epoch s)."""

    key: str = ""
    node: str | None = None
    at: float | None = None


@dataclass
class NavigateTo(Message):
    """Asks for another view, and for a place in it. `view` is the view's name."""

    view: str
    location: Location


HELP_WIDTH = 76


class ViewSources(Protocol):
    """Where a view reads what is not in the store."""

    @property
    def cluster(self) -> Cluster: ...

    @property
    def operator(self) -> Operator: ...

    def repaint_part(self, part: ScreenPart) -> None:
        """Has a part painted again at the next calm frame, unless the screen is paused."""

    async def examine(self) -> None:
        """One inspection of the cluster; what it finds comes to every view with the next view state."""

    async def learn_drills(self) -> tuple[tuple[Drill, ...], str]:
        """The drills, and what is wrong with them in words."""


class ViewScreen(Screen[None]):
    """Base of the views, each on a number key. `base` is what does not change while the console is open."""

    NAME: ClassVar[str] = ""
    ABOUT: ClassVar[str] = ""
    # After these events a view reads again what is not in the store.
    LEARNS_AT: ClassVar[tuple[type[Event], ...]] = ()

    def __init__(self, view: ViewState, palette: Palette, base: ActionContext) -> None:
        super().__init__()
        self.view_state = view
        self.foot = Foot("foot", lambda: self.context)
        self.palette = palette
        self.base = base

    def on_mount(self) -> None:
        self.set_theme(self.palette)

    async def learn(self, sources: ViewSources) -> Callable[[], None]:
        """Reads what is not in the store; returns what shows it. Never raises: a failure is shown too."""
        return lambda: None

    def go_to(self, location: Location) -> None:
        """Puts the cursor on a place, where the view knows it."""

    # --- painting ---

    def paint(self, view: ViewState, parts: frozenset[ScreenPart] = ALL) -> None:
        """Shows a view state on the parts that may have changed."""
        self.view_state = view
        for widget in self.query(Painted):
            if widget.PART in parts and widget.display:
                widget.paint(view)
        if ScreenPart.HEADER in parts:
            self.foot.hints.show_keys(self.context)
            self.foot.status.warn(view.mode.moved)

    def set_theme(self, palette: Palette) -> None:
        self.palette = palette
        for widget in (self.foot, *self.query(Painted)):
            widget.set_theme(palette)

    # --- what the operator is doing ---

    @property
    def pane(self) -> Pane | None:
        """The pane with the focus, or the one that had it before the prompt took the keys."""
        return self.focused if isinstance(self.focused, Pane) else self.foot.interrupted

    @property
    def context(self) -> ActionContext:
        pane, view = self.pane, self.view_state
        return replace(
            self.base,
            view=self.NAME,
            detail=pane.detail if pane is not None else "",
            target=pane.target if pane is not None else "",
            selection=self.get_selected_text() or "",
            rows=pane.row_count if pane is not None else 0,
            paused=view.paused_s is not None,
            mode=view.mode,
        )

    def toast(self, text: str, severity: Severity = Severity.INFO) -> None:
        self.foot.status.say(text, severity)

    def on_pane_moved(self) -> None:
        self._show_detail()

    def on_descendant_focus(self) -> None:
        self._show_detail()

    def _show_detail(self) -> None:
        if isinstance(self.focused, Pane):
            self.foot.status.show_detail(self.focused.detail)

    def on_foot_narrowed(self, event: Foot.Narrowed) -> None:
        self.narrow(event.filter_text)

    def narrow(self, needle: str) -> None:
        self.paint(replace(self.view_state, filter_text=needle.strip()))

    # --- actions that every view has ---

    def ask(self, text: str = "") -> None:
        """Opens the command line with the beginning of a command."""
        self.foot.open(Mode.COMMAND, text, self.pane)

    def ask_filter(self) -> None:
        self.foot.open(Mode.FILTER, self.view_state.filter_text, self.pane)

    def next_pane(self) -> None:
        self.focus_next(Pane)

    def previous_pane(self) -> None:
        self.focus_previous(Pane)

    def turn_page(self, pages: int) -> None:
        """Scrolls what stands below the list, on the views that have one."""

    def help(self) -> None:
        """Explains the pane that has the focus, or the view."""
        from iamops.tui.dialogs.help import HelpScreen, help_lines

        about = self.pane or self
        width = min(HELP_WIDTH, self.app.size.width - 5)
        lines = help_lines(about.NAME, about.ABOUT, self.context, width)
        self.app.push_screen(HelpScreen(lines, self.palette))

    def copy_detail(self) -> None:
        # One line: what comes after a newline, a shell would run as soon as it is pasted.
        self._copy(one_line(self.context.detail))

    def copy_selection(self) -> None:
        self._copy(self.context.selection)

    def _copy(self, text: str) -> None:
        self.app.copy_to_clipboard(text)
        self.toast(f"copied {len(text)} characters")

    def action_copy_text(self) -> None:
        """Ctrl-C of Textual's screens: through the registry, so that an empty selection is explained."""
        self.post_message(Foot.Asked("copy-selection", ""))

    def clear(self) -> bool:
        """Clears one thing: selection, message or filter. False if there was nothing to clear."""
        if self.selections:
            self.clear_selection()
            return True
        if self.foot.status.clear():
            return True
        if self.view_state.filter_text:
            self.narrow("")
            return True
        return False


class PlacedScreen(ViewScreen):
    """Base of the Overview and the Traffic view. A pane without a place is hidden."""

    DEFAULT_CSS = """
    PlacedScreen { background: $background; overflow: hidden; }
    PlacedScreen > * { position: absolute; }
    """

    def places(self, width: int, height: int) -> Mapping[str, Region]:
        """The place of each pane by its id, and that of the foot."""
        raise NotImplementedError

    def on_mount(self) -> None:
        super().on_mount()
        self.arrange_panes(self.app.size)

    def on_resize(self, event: Resize) -> None:
        self.arrange_panes(event.size)

    def arrange_panes(self, size: Size) -> None:
        places = self.places(*size)
        with self.app.batch_update():
            for widget in (*self.query_children(Painted), self.foot):
                place = places.get(str(widget.id))
                widget.display = place is not None
                if place is not None:
                    widget.styles.offset = place.offset
                    widget.styles.width, widget.styles.height = place.size
        super().paint(self.view_state)
