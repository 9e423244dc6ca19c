"""What the Traffic view shows at one moment: each node's counts, all of them together, and what is not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from console.model.traffic import LogTotals, Traffic, merged
from console.parse.log_format import Field, LogFormat
from console.parse.log_where import where
from console.store.traffic_book import DAY_S, HOUR_S, WINDOWS_S, Point, TrafficBook
from console.tui.view.amounts import clock, count
from console.tui.view.fit import clip
from console.tui.view.moment import Moment
from console.tui.view.tone import Line, Span, Tone
from console.tui.view.traffic_sums import WindowSums

if TYPE_CHECKING:
    from console.tui.cluster import TrafficFeed

SPANS_S: Mapping[str, int] = {**WINDOWS_S, "1d": DAY_S}
FIRST_SPAN = "15m"
POINTS = 90
# As long as nothing may be asked for at the beginning of a day that was counted from its beginning.
QUIET_S = 600


@dataclass(frozen=True, slots=True)
class NodeTraffic:
    """One node's share. `unknown` says why there are no numbers; `unread` why there are no new ones."""

    name: str
    traffic: Traffic
    points: tuple[Point, ...] = ()
    totals: LogTotals = field(default_factory=LogTotals)
    unread: str = ""
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything the view shows. `begins` and `at` are session time; `whole` is all nodes together.

    `complete` is False where the counts do not reach back to the beginning of the window.
    """

    span: str
    at: float
    begins: float
    form: LogFormat
    where: str = ""
    nodes: tuple[NodeTraffic, ...] = ()
    whole: Traffic = field(default_factory=Traffic)
    complete: bool = True

    @property
    def length_s(self) -> float:
        return max(1.0, self.at - self.begins)

    def tells(self, wanted: Field) -> bool:
        return self.form.tells(wanted)

    @property
    def known(self) -> bool:
        """Whether any node was counted."""
        return any(not node.unknown for node in self.nodes)


def sight_of(feed: TrafficFeed, sums: WindowSums, names: Iterable[str], span: str, now: float) -> Sight:
    """Looks at everything once."""
    book, length_s = feed.book, SPANS_S[span]
    chosen = where(feed.where)
    nodes = tuple(
        _node(feed, sums.window(book, length_s, now, name), name, length_s, now)
        if chosen.allows_node(name)
        else NodeTraffic(name, Traffic(), unknown="left out by the filter")
        for name in names
    )
    begins, complete = _begins(book, length_s, now)
    whole = merged(node.traffic for node in nodes)
    return Sight(span, now, begins, feed.form, feed.where, nodes, whole, complete)


def _node(feed: TrafficFeed, traffic: Traffic, name: str, length_s: int, now: float) -> NodeTraffic:
    unread = feed.unread(name)
    points = feed.book.series(length_s, now, name, POINTS)
    unknown = ""
    if not traffic.total and (unread or name not in feed.book.nodes):
        unknown = f"not read: {unread}" if unread else "nothing read yet"
    return NodeTraffic(name, traffic, _told(points, unread, unknown), feed.totals(name), unread, unknown)


def _told(points: tuple[Point, ...], unread: str, unknown: str) -> tuple[Point, ...]:
    """Of a node that is not read nothing is known after what was last read: that is not 0."""
    if unknown:
        return ()
    last = len(points)
    while unread and last and not points[last - 1].total:
        last -= 1
    return points[:last]


def _begins(book: TrafficBook, length_s: int, now: float) -> tuple[float, bool]:
    """Only the last hour is read when counting begins; a longer window begins with what there is."""
    begins = book.since(length_s, now)
    if length_s <= HOUR_S:
        return begins, True
    first = min((at for at, _ in book.recent(length_s, now)), default=begins)
    return min(first, book.since(HOUR_S, now)), first < begins + QUIET_S


# --- the line on top ---


def standing(sight: Sight | None, moment: Moment, width: int) -> Line:
    """The window, the filter, and what is not in the numbers: the worst first, for the line may be too short."""
    if sight is None:
        return (Span(" reading the nodes' logs…", Tone.MUTED),)
    line = [*_windows(sight.span), *_filter(sight.where, width)]
    for text, tone in (*_troubles(sight), *_remarks(sight, moment)):
        line += [Span(" · ", Tone.MUTED), Span(text, tone)]
    return tuple(line)


def _windows(chosen: str) -> Line:
    """The brackets are the keys, too."""
    return tuple(
        Span(f"[{name}]", Tone.TITLE) if name == chosen else Span(f" {name} ", Tone.MUTED) for name in SPANS_S
    )


def _filter(text: str, width: int) -> Line:
    return (Span(" "), Span(f"/{clip(text, max(16, width // 3))}", Tone.ACCENT)) if text else ()


def _troubles(sight: Sight) -> Iterable[tuple[str, Tone]]:
    for node in sight.nodes:
        if node.unread:
            yield f"▲ {node.name} not read: {node.unread}", Tone.WARN
    unparsed, lost = (sum(getattr(n.totals, name) for n in sight.nodes) for name in ("unparsed", "lost"))
    if unparsed:
        yield f"▲ unparsed {_lines(unparsed)}", Tone.WARN
    if lost:
        yield f"▲ lost lines {times(lost)}", Tone.WARN


def _remarks(sight: Sight, moment: Moment) -> Iterable[tuple[str, Tone]]:
    if moment.paused_s is not None:
        yield "held", Tone.ACCENT
    if left := sum(node.totals.left_out for node in sight.nodes):
        yield f"left out {_lines(left)}", Tone.MUTED
    if not sight.complete:
        yield f"counted since {clock(sight.begins)}", Tone.MUTED


def _lines(number: int) -> str:
    return "1 line" if number == 1 else f"{count(number)} lines"


def times(number: int) -> str:
    """`once`, `3 times`."""
    return "once" if number == 1 else f"{number} times"
