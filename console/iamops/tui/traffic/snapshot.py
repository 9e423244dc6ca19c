"""What the Traffic view shows at one moment: each node's counts, all of them together, and what is not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from iamops.accesslog.filter import escaped, where
from iamops.accesslog.format import Field, LogFormat
from iamops.accesslog.timeseries import DAY_S, HOUR_S, WINDOWS_S, Point, TrafficTimeSeries
from iamops.accesslog.values import VALUE_MAX
from iamops.model.traffic import OTHERS, LogTotals, Traffic, merged
from iamops.tui.overview.layout import Region
from iamops.tui.toolkit.frame_state import ViewState
from iamops.tui.toolkit.text import Line, TextSpan, Tone, clip, clock, count

if TYPE_CHECKING:
    from iamops.session.traffic import TrafficFeed


# Sums of a node's counts over a window, kept in blocks: a second of news is added, not an hour counted anew.

# Hours, of blocks of six minutes, of minutes: a second's news costs about twenty additions, not 360.
BLOCKS_S = (3600, 360, 60)
# When the slots begin and how many requests each has: counts are only ever added to, so this tells a change.
Mark = tuple[tuple[int, int], ...]
Block = tuple[int, int]


class WindowSums:
    """What was summed up at the last look; of another book nothing of it is true."""

    def __init__(self) -> None:
        self._book: TrafficTimeSeries | None = None
        self._known: dict[str, dict[Block, tuple[Mark, Traffic]]] = {}

    def window(self, book: TrafficTimeSeries, span_s: int, now: float, node: str) -> Traffic:
        """The same as `book.window`. The answer is the caller's own."""
        if book is not self._book:
            self._book, self._known = book, {}
        kept: dict[Block, tuple[Mark, Traffic]] = {}
        slots = sorted(book.recent(span_s, now, node), key=lambda slot: slot[0])
        marked = [(at, traffic, traffic.total) for at, traffic in slots]
        whole = self._sum(self._known.get(node, {}), kept, marked, 0)
        self._known[node] = kept
        return whole

    def _sum(
        self,
        known: dict[Block, tuple[Mark, Traffic]],
        kept: dict[Block, tuple[Mark, Traffic]],
        slots: Sequence[tuple[int, Traffic, int]],
        level: int,
    ) -> Traffic:
        """Blocks that are as they were are taken as they were summed up then."""
        if level == len(BLOCKS_S):
            return merged(traffic for _, traffic, _ in slots)
        parts: list[Traffic] = []
        for number, inside in groupby(slots, key=lambda slot: slot[0] // BLOCKS_S[level]):
            block = list(inside)
            mark = tuple((at, total) for at, _, total in block)
            before = known.get((level, number))
            if before is not None and before[0] == mark:
                traffic = before[1]
                _keep_inner(known, kept, level, number)
            else:
                traffic = self._sum(known, kept, block, level + 1)
            kept[(level, number)] = (mark, traffic)
            parts.append(traffic)
        return merged(parts)


def _keep_inner(
    known: dict[Block, tuple[Mark, Traffic]], kept: dict[Block, tuple[Mark, Traffic]], level: int, number: int
) -> None:
    """What a block is made of stays known too: when the window moves on, only its edge is summed up anew."""
    for inner in range(level + 1, len(BLOCKS_S)):
        first = number * BLOCKS_S[level] // BLOCKS_S[inner]
        for each in range(first, first + BLOCKS_S[level] // BLOCKS_S[inner]):
            if (inner, each) in known:
                kept[(inner, each)] = known[(inner, each)]


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
    unreadable: str = ""
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class TrafficSnapshot:
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

    def has(self, wanted: Field) -> bool:
        return self.form.has(wanted)

    @property
    def known(self) -> bool:
        """Whether any node was counted."""
        return any(not node.unknown for node in self.nodes)


def snapshot_of(
    feed: TrafficFeed, sums: WindowSums, names: Iterable[str], span: str, now: float
) -> TrafficSnapshot:
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
    return TrafficSnapshot(span, now, begins, feed.form, feed.where, nodes, whole, complete)


def _node(feed: TrafficFeed, traffic: Traffic, name: str, length_s: int, now: float) -> NodeTraffic:
    unread = feed.unreadable(name)
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


def _begins(book: TrafficTimeSeries, length_s: int, now: float) -> tuple[float, bool]:
    """Only the last hour is read when counting begins; a longer window begins with what there is."""
    begins = book.since(length_s, now)
    if length_s <= HOUR_S:
        return begins, True
    first = min((at for at, _ in book.recent(length_s, now)), default=begins)
    return min(first, book.since(HOUR_S, now)), first < begins + QUIET_S


# --- the line on top ---


def standing(sight: TrafficSnapshot | None, moment: ViewState, width: int) -> Line:
    """The window, the filter, and what is not in the numbers: the worst first, for the line may be too short."""
    if sight is None:
        return (TextSpan(" reading the nodes' logs…", Tone.MUTED),)
    line = [*_windows(sight.span), *_filter(sight.where, width)]
    for text, tone in (*_troubles(sight), *_remarks(sight, moment)):
        line += [TextSpan(" · ", Tone.MUTED), TextSpan(text, tone)]
    return tuple(line)


def _windows(chosen: str) -> Line:
    """The brackets are the keys, too."""
    return tuple(
        TextSpan(f"[{name}]", Tone.TITLE) if name == chosen else TextSpan(f" {name} ", Tone.MUTED)
        for name in SPANS_S
    )


def _filter(text: str, width: int) -> Line:
    return (TextSpan(" "), TextSpan(f"/{clip(text, max(16, width // 3))}", Tone.ACCENT)) if text else ()


def _troubles(sight: TrafficSnapshot) -> Iterable[tuple[str, Tone]]:
    for node in sight.nodes:
        if node.unreadable:
            yield f"▲ {node.name} not read: {node.unreadable}", Tone.WARN
    unparsed, lost = (sum(getattr(n.totals, name) for n in sight.nodes) for name in ("unparsed", "lost"))
    if unparsed:
        yield f"▲ unparsed {_lines(unparsed)}", Tone.WARN
    if lost:
        yield f"▲ lost lines {times(lost)}", Tone.WARN


def _remarks(sight: TrafficSnapshot, moment: ViewState) -> Iterable[tuple[str, Tone]]:
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


# Where the parts of the Traffic view stand for a given terminal size. Pure arithmetic.

BESIDE = 76
WIDE, HIGH = 110, 32
BACKENDS_MIN, BACKENDS_WIDE = 37, 50
FINDING_ROWS = 8
PLOT_ROWS = 17
PLOT_SHARE = 0.3
TABLE_MIN = 4


def traffic_places(width: int, height: int, nodes: int, backends: int) -> dict[str, Region]:
    """What has no room has no place. `nodes` and `backends` are how many rows of each there are."""
    places = {
        "header": Region(0, 0, width, 1),
        "standing": Region(0, 1, width, 1),
        "foot": Region(0, max(1, height - 2), width, 2),
    }
    if height >= FINDING_ROWS:
        height -= 1
        places["finding"] = Region(0, height - 2, width, 1)
    top, room = 2, height - 4
    table = min(nodes + 2, max(3, room // 3))
    plot = 0 if height < PLOT_ROWS else min(14, max(6, int(room * PLOT_SHARE)))
    plot = plot if room - plot - table >= TABLE_MIN else 0
    if plot:
        places["plot"] = Region(0, top, width, plot)
        top += plot
    if room - plot - table < TABLE_MIN:
        table = max(0, min(table, room - TABLE_MIN))
    if table > 1:
        places["nodes"] = Region(0, top, width, table)
        top += table
    return places | _tables(width, top, height - 2 - top, backends, wide=width >= WIDE and height >= HIGH)


def _tables(width: int, top: int, room: int, backends: int, *, wide: bool) -> dict[str, Region]:
    """The backends stand beside the table, above a second one where there is room, or below it."""
    if room < 1:
        return {}
    if width < BESIDE:
        below = min(backends + 1, room // 2) if room >= 2 * TABLE_MIN else 0
        places = {"top": Region(0, top, width, room - below)}
        return places | ({"backends": Region(0, top + room - below, width, below)} if below else {})
    right = max(BACKENDS_WIDE, width // 3) if wide else BACKENDS_MIN
    left = width - right - 1
    places = {"top": Region(0, top, left, room)}
    above = min(backends + 2, room // 2) if wide else room
    places["backends"] = Region(left + 1, top, right, above)
    if wide:
        places["second"] = Region(left + 1, top + above, right, room - above)
    return places


# A row of a table as a term of the filter expression: what Enter on it asks for.

ID = ":id"
_LITERAL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_-~%:,;=@&!")


def term_of(name: str, value: str) -> str | None:
    """`name` as the expression calls the field. None where no term means just this row."""
    if value == OTHERS:
        return None
    cut = len(escaped(value)) >= VALUE_MAX
    many = name == "path" and ID in value.split("/")
    plain = value.isascii() and value.isprintable()
    if cut or many or not plain:
        return f"{name}~{_pattern(value, ids=name == 'path', cut=cut)}"
    return _quoted(f"{name}={value}") or f"{name}~{_pattern(value, ids=False, cut=False)}"


def added(expression: str, term: str) -> str:
    """The expression with one more term, unless it has it already."""
    if term in expression.split(" "):
        return expression
    return f"{expression} {term}".strip()


def _quoted(word: str) -> str:
    """A word that stays one word; empty if no quotes can do that."""
    if not any(character in word for character in " '\""):
        return word
    return next((f"{quote}{word}{quote}" for quote in "\"'" if quote not in word), "")


def _pattern(value: str, *, ids: bool, cut: bool) -> str:
    parts = ("[^/]+" if ids and part == ID else _escaped(part) for part in value.split("/"))
    return f"^{'/'.join(parts)}" + ("" if cut else "$")


def _escaped(text: str) -> str:
    """As it stands in the log. What a pattern may not hold, any one character stands for."""
    return "".join(c if c in _LITERAL else r"\." if c == "." else "." for c in escaped(text))
