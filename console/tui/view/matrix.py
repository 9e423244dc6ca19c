"""Draws the service grid: services down and nodes across, or the other way round for many nodes."""

from __future__ import annotations

from console.tui.view.fit import column, first_fitting, fit_line
from console.tui.view.grid import Item, Kind, Seen, aim, items, seen
from console.tui.view.health import spans
from console.tui.view.moment import Moment
from console.tui.view.rows import Cell, Picture, Row, Rows
from console.tui.view.tone import Line, Span, Tone

MARK = 7
CELL_MIN, CELL_GOOD, CELL_MAX = 16, 22, 44
KIND, TITLE_ROOM = 7, 12
NARROW_MIN, NARROW_MAX = 12, 18


def matrix(moment: Moment, width: int, cursor: int = 0) -> Picture:
    """The grid in `width` columns. `cursor` is the column that must be in sight."""
    rows = items(moment.state.profile)
    if transposed(moment, width):
        return _nodes_down(moment, rows, width, cursor)
    return _services_down(moment, rows, width)


def matrix_rows(moment: Moment, width: int) -> int:
    """How many rows the grid has without its title."""
    across = transposed(moment, width)
    return len(moment.state.nodes) if across else max(1, len(items(moment.state.profile)))


def transposed(moment: Moment, width: int) -> bool:
    """Whether there are too many nodes to give each a column."""
    labels = _short_labels(items(moment.state.profile))
    return _label_width(labels, width) + len(moment.state.nodes) * CELL_MIN > width


def _label_width(labels: list[str], width: int) -> int:
    longest = max((len(label) for label in labels), default=0)
    return min(KIND + longest + 3, max(20, width // 2))


def _services_down(moment: Moment, rows: tuple[Item, ...], width: int) -> Picture:
    names = tuple(moment.state.nodes)
    labels = [item.label for item in rows]
    if (width - _label_width(labels, width)) // len(names) < CELL_GOOD:
        labels = _short_labels(rows)
    label = _label_width(labels, width)
    cell = min(CELL_MAX, (width - label) // len(names))
    title = (Span("SERVICES", Tone.TITLE),)
    overlays = tuple((label + n * cell, Span(name, Tone.TITLE)) for n, name in enumerate(names))
    named = zip(rows, labels, strict=True)
    lines = [_service_row(moment, item, text, names, label, cell) for item, text in named]
    return Picture(title, rows=Rows.of(row for row in lines if row is not None), overlays=overlays)


def _service_row(
    moment: Moment, item: Item, text: str, names: tuple[str, ...], label: int, cell: int
) -> Row | None:
    looks = [seen(moment, item, name) for name in names]
    if not moment.keeps((item.label, item.kind, *(look.verdict.mark for look in looks))):
        return None
    kind = Span(" " + column(item.kind, KIND), Tone.MUTED)
    line: list[Span] = [kind, Span(column(text, label - KIND - 1))]
    for look in looks:
        line.extend(fit_line(_short(look, cell - 1), cell))
    aims = [aim(moment.state.profile, item, name) for name in names]
    cells = tuple(Cell(label + n * cell, cell - 1, looks[n].detail, aims[n]) for n in range(len(names)))
    return Row(f"{item.kind} {item.name}", tuple(line), cells)


def _short(look: Seen, width: int) -> Line:
    """Mark and extra; an extra that would be cut is left to the detail line."""
    bare = (Span(look.verdict.mark, look.verdict.tone),)
    return first_fitting((spans(look.verdict, MARK), spans(look.verdict), bare), width)


def _nodes_down(moment: Moment, columns: tuple[Item, ...], width: int, cursor: int) -> Picture:
    label = min(24, max(TITLE_ROOM, *(len(name) + 2 for name in moment.state.nodes)))
    headings = _short_labels(columns, bare=True)
    widths = [min(NARROW_MAX, max(NARROW_MIN, len(text) + 1)) for text in headings]
    first = _first_in_sight(widths, width - label, cursor)
    places = _places(widths, first, label, width)
    overlays = tuple(
        (at, Span(column(heading, cell - 1).rstrip(), Tone.MUTED))
        for heading, (at, cell) in zip(headings, places, strict=True)
        if cell
    )
    names = tuple(moment.state.nodes)
    rows = Rows(names, lambda n: _node_row(moment, names[n], columns, places, label))
    if moment.needle:
        rows = Rows.of(row for row in rows if moment.keeps((row.key, *_marks(moment, columns, row.key))))
    beyond = ("←" if first else "") + ("→" if places and not places[-1][1] else "")
    marks = (Span(beyond, Tone.ACCENT),) if beyond else ()
    title = (Span("SERVICES", Tone.TITLE),)
    return Picture(title, rows, marks, overlays)


def _marks(moment: Moment, columns: tuple[Item, ...], name: str) -> list[str]:
    return [seen(moment, item, name).verdict.mark for item in columns]


def _places(widths: list[int], first: int, label: int, width: int) -> list[tuple[int, int]]:
    """Start and width of each column; a column out of sight has no width."""
    places: list[tuple[int, int]] = []
    at = label
    for number, cell in enumerate(widths):
        fits = number >= first and at + cell - 1 <= width
        places.append((at, cell if fits else 0))
        if number >= first:
            at += cell
    return places


def _node_row(
    moment: Moment, name: str, columns: tuple[Item, ...], places: list[tuple[int, int]], label: int
) -> Row:
    looks = [seen(moment, item, name) for item in columns]
    line: list[Span] = [Span(" " + column(name, label - 1), Tone.TITLE)]
    cells: list[Cell] = []
    for item, look, (at, cell) in zip(columns, looks, places, strict=True):
        line.append(Span(column(look.verdict.mark, cell), look.verdict.tone))
        cells.append(Cell(at, max(0, cell - 1), look.detail, aim(moment.state.profile, item, name)))
    return Row(name, tuple(line), tuple(cells))


def _first_in_sight(widths: list[int], room: int, cursor: int) -> int:
    """The first column to draw so that the cursor's column is still in the room."""
    first = min(cursor, len(widths) - 1) if widths else 0
    used = 0
    for number in range(first, -1, -1):
        used += widths[number]
        if used > room:
            return number + 1 if number < cursor else number
    return 0


def _short_labels(rows: tuple[Item, ...], *, bare: bool = False) -> list[str]:
    """Labels without the end that all domains share; `bare` leaves a datastore's node away, too."""
    domains = [item.name for item in rows if item.kind is Kind.DOMAIN]
    shared = _shared_end(domains) if len(domains) > 1 else ""
    texts = [item.name if bare else item.label for item in rows]
    return [
        text.removesuffix(shared) if item.kind is Kind.DOMAIN else text
        for item, text in zip(rows, texts, strict=True)
    ]


def _shared_end(domains: list[str]) -> str:
    """`.marmotedu.com` for iam.api.marmotedu.com and iam.authz.marmotedu.com."""
    shared = ""
    for labels in zip(*(name.split(".")[:0:-1] for name in domains), strict=False):
        if len(set(labels)) > 1:
            break
        shared = f".{labels[0]}{shared}"
    return shared
