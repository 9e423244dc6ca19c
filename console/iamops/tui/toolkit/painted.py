"""From event to widget: which parts of a screen an event touches, what a view is painted from, and a widget of
toned lines. It repaints exactly the lines that changed, and never lays out anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import zip_longest
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from iamops.judge.findings import Finding, Key
from iamops.judge.triage.events import EarlierInspection
from iamops.model import events
from iamops.model.state import ClusterState
from iamops.redact.clean import fault_of_ours
from iamops.tui.toolkit.palette import Palette, no_color_palette
from iamops.tui.toolkit.text import EMPTY, Line, TextSpan, Tone, fit_line, text_of


@dataclass(frozen=True, slots=True)
class ConsoleMode:
    """What the console may do and is doing: never held back, not even while the screen is paused.

    `running` is the run under way, in words; `done` of its `steps` are over. `guards` are the reasons a
    guard would give now, by action. `moved` is the VIP move that is not acknowledged, in words.
    """

    armed_s: float = 0.0
    running: str = ""
    done: int = 0
    steps: int = 0
    has_run: bool = False
    moved: str = ""
    guards: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ViewState:
    """What a view shows. `paused_s` says how old it is while the screen is paused.

    `findings` is the one tree that every view takes count, order and next step from; `deep` are those that only
    the `inspection` found. `present` is the live state while the screen is paused: the header never pauses.
    """

    state: ClusterState
    now: float
    findings: tuple[Finding, ...] = ()
    filter_text: str = ""
    paused_s: float | None = None
    mode: ConsoleMode = field(default_factory=ConsoleMode)
    inspection: EarlierInspection | None = None
    deep: frozenset[Key] = frozenset()
    present: ViewState | None = None

    def passes_filter(self, texts: Iterable[str]) -> bool:
        """Whether something made of `texts` passes the filter."""
        wanted = self.filter_text.casefold()
        return not wanted or any(wanted in text.casefold() for text in texts)


class ScreenPart(Enum):
    """A part of the screen that is repainted on its own."""

    HEADER = auto()
    WITNESSES = auto()
    NODES = auto()
    SERVICES = auto()
    REQUESTS = auto()
    PLOT = auto()
    EVENTS = auto()
    FINDING = auto()
    AUDIT = auto()
    DRILLS = auto()
    CONFIG = auto()
    LOGS = auto()
    TRAFFIC = auto()


ALL = frozenset(ScreenPart)
VIP = frozenset(
    {ScreenPart.HEADER, ScreenPart.WITNESSES, ScreenPart.NODES, ScreenPart.REQUESTS, ScreenPart.EVENTS}
)


def touched(event: events.Event) -> frozenset[ScreenPart]:
    """The parts that may look different after `event`."""
    match event:
        case events.AddressChanged() | events.AddressesListed():
            return VIP
        case events.LinkChanged() | events.SourceLost():
            return ALL - {ScreenPart.PLOT}
        case events.VrrpTransition() | events.VrrpReported() | events.KeepalivedAsked() | events.UnitReported():
            return frozenset({ScreenPart.WITNESSES, ScreenPart.NODES, ScreenPart.EVENTS})
        case events.HttpProbed() | events.DatastoreProbed():
            return frozenset({ScreenPart.SERVICES})
        case events.RequestsCounted():
            return frozenset({ScreenPart.REQUESTS, ScreenPart.PLOT})
        case events.HostReported() | events.SafetyReported():
            return frozenset({ScreenPart.NODES})
        case events.PortProbed() | events.TlsProbed() | events.NodeHeard() | events.FilesExamined():
            return frozenset()  # only guards and plans need these; ages are painted as time goes on anyway
        case events.ConfigCompared():
            return frozenset({ScreenPart.CONFIG})
        case events.ClientProbed():
            return frozenset({ScreenPart.WITNESSES})
        case events.Noticed() | events.Recalled():
            return frozenset({ScreenPart.EVENTS})
        case events.PartReported():
            return frozenset({ScreenPart.EVENTS, ScreenPart.FINDING})


def urgent(event: events.Event) -> bool:
    """Whether it is painted at once, since an operator waits for it; routine events may be gathered."""
    return isinstance(
        event,
        events.AddressChanged
        | events.AddressesListed
        | events.LinkChanged
        | events.VrrpTransition
        | events.UnitReported
        | events.Noticed,
    )


Highlight = tuple[int, int] | None
"""The columns under the cursor."""


class Painted(Widget):
    """Base of everything that views show. Subclasses return their lines from `draw`."""

    DEFAULT_CSS = """
    Painted { background: $background; height: 1; width: 100%; }
    """
    PART: ClassVar[ScreenPart | None] = None

    def __init__(self, ident: str | None = None) -> None:
        super().__init__(id=ident)
        self.palette: Palette = no_color_palette()
        self.view_state: ViewState | None = None
        self._shown: tuple[tuple[Line, Highlight], ...] = ()
        self._given: tuple[int, tuple[Line, ...]] = (0, ())

    def draw(self, view: ViewState, width: int, height: int) -> tuple[Line, ...]:
        """The lines for this view state, at most `height` of them."""
        raise NotImplementedError

    def highlight(self, y: int) -> Highlight:
        """Which columns of line `y` are under the cursor."""
        return None

    def paint(self, view: ViewState) -> None:
        """Shows a view state. Costs nothing on the terminal if no line changed."""
        self.view_state = view
        self.repaint()

    def repaint(self) -> None:
        """The edge: a part that cannot be drawn says so, and all the others are drawn."""
        width, height = self.size
        if self.view_state is None or not width or not height:
            return
        try:
            lines = self.draw(self.view_state, width, height)
        except Exception as error:
            lines = ((TextSpan(f"not drawn: {fault_of_ours(error)}", Tone.DOWN),),)
        self.show(lines)

    def show(self, lines: tuple[Line, ...]) -> None:
        """Puts lines on the screen, cut and padded to the width."""
        width = self.size.width
        given_width, given = self._given
        fresh: list[tuple[Line, Highlight]] = []
        for y, line in enumerate(lines):
            # A line that is on the screen already was fitted once.
            known = width == given_width and y < len(given) and given[y] == line
            fresh.append((self._shown[y][0] if known else fit_line(line, width), self.highlight(y)))
        pairs = enumerate(zip_longest(self._shown, fresh))
        changed = [Region(0, y, width, 1) for y, (before, after) in pairs if before != after]
        self._shown, self._given = tuple(fresh), (width, lines)
        if changed:
            self.refresh(*changed)

    def set_theme(self, palette: Palette) -> None:
        self.palette = palette
        self.refresh()

    def on_resize(self) -> None:
        self.repaint()

    def render_line(self, y: int) -> Strip:
        line, highlight = self._shown[y] if y < len(self._shown) else (EMPTY, None)
        tones = self.palette.tones
        strip = Strip([Segment(span.text, tones[span.tone]) for span in line])
        strip = strip.adjust_cell_length(self.size.width).apply_style(self.rich_style)
        if highlight is not None:
            strip = _styled(strip, highlight, self.palette.cursor)
        if self.text_selection is not None and (span := self.text_selection.get_span(y)) is not None:
            start, end = span
            strip = _styled(strip, (start, self.size.width if end == -1 else end), self.palette.selection)
        return strip.apply_offsets(0, y)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What the mouse selected, without the padding."""
        text = "\n".join(text_of(line).rstrip() for line, _ in self._shown)
        return (selection.extract(text), "\n") if text else None


def _styled(strip: Strip, columns: tuple[int, int], style: Style) -> Strip:
    """The strip with a style laid over some of its columns."""
    start, end = columns
    covered = Strip(Segment.apply_style(strip.crop(start, end), post_style=style))
    return Strip.join([strip.crop(0, start), covered, strip.crop(end)])
