"""Where the panes of the Overview stand for a given terminal size. Pure arithmetic; regions never overlap."""

from __future__ import annotations

from dataclasses import dataclass, field

from textual.geometry import Region

CARD_MIN = 38
CARDS_MAX = 12
ROOMY_COLUMNS, ROOMY_ROWS = 120, 34
SPARKLINE_ROWS = 20
EVENTS_MIN, EVENTS_MAX = 44, 90
PLOT_MIN = 6
GRID_MIN, BAND_MIN = 4, 3
LONG_GRID = 12
BESIDE_COLUMNS = 76
STACK_COLUMNS = 80
# A finding with its evidence and its step; the most that findings take of a high screen; what the rest keeps.
FINDING_ROWS, FINDINGS_MOST, KEPT_ROWS = 3, 18, 31


@dataclass(frozen=True, slots=True)
class LayoutNeeds:
    """What there is to show: VRRP instances, nodes, and the rows of the grid and of the findings."""

    instances: int
    nodes: int
    grid_rows: int
    finding_rows: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """Places by name; what has none is not shown. `cards` holds one place per node, or nothing."""

    places: dict[str, Region] = field(default_factory=dict)
    cards: tuple[Region, ...] = ()
    roomy: bool = False
    tall_requests: bool = False


def overview_layout(width: int, height: int, needs: LayoutNeeds) -> Layout:
    """Fixed lines first, then nodes, then the grid; requests, events and the plot share the rest."""
    roomy = width >= ROOMY_COLUMNS and height >= ROOMY_ROWS
    finding = 1
    if roomy:  # a title, and room for each finding while the rest has enough
        finding += max(FINDING_ROWS, min(needs.finding_rows, FINDINGS_MOST, height - KEPT_ROWS))
    places = {
        "header": Region(0, 0, width, 1),
        "finding": Region(0, max(1, height - 2 - finding), width, finding),
        "foot": Region(0, max(1, height - 2), width, 2),
    }
    top, bottom = 1, places["finding"].y
    if height >= 8:
        lines = min(needs.instances, 3 if height >= 24 else 1)
        places["witnesses"] = Region(0, top, width, lines)
        top += lines
    cards = _cards(width, top, bottom, needs, roomy)
    if cards:
        top = max(card.bottom for card in cards)
    else:
        lines = min(needs.nodes + 1, max(3, (bottom - top) * 2 // 5), max(0, bottom - top))
        places["nodes"] = Region(0, top, width, lines)
        top += lines
    if roomy:
        below, tall = _wide(width, top, bottom, needs)
    else:
        below, tall = _narrow(width, top, bottom, height, needs)
    places |= below
    return Layout({name: p for name, p in places.items() if p.height > 0 and p.width > 0}, cards, roomy, tall)


def card_rows(instances: int, *, roomy: bool) -> int:
    """Lines of a node's card without its title."""
    return instances + (5 if roomy else 3)


def _cards(width: int, top: int, bottom: int, needs: LayoutNeeds, roomy: bool) -> tuple[Region, ...]:
    """A card per node where that leaves half of the rows to the rest; otherwise none at all."""
    across = 1 if width < STACK_COLUMNS else max(1, min(needs.nodes, (width + 1) // (CARD_MIN + 1)))
    height = 1 + card_rows(needs.instances, roomy=roomy)
    lines = -(-needs.nodes // across)
    share = 0.6 if width < STACK_COLUMNS else 0.5
    if needs.nodes > CARDS_MAX or lines * height > (bottom - top) * share:
        return ()
    places: list[Region] = []
    for number in range(needs.nodes):
        row, col = divmod(number, across)
        left = col * (width + 1) // across
        end = (col + 1) * (width + 1) // across - 1
        places.append(Region(left, top + row * height, end - left, height))
    return tuple(places)


Below = tuple[dict[str, Region], bool]
"""The places below the nodes, and whether requests get two lines per node."""


def _narrow(width: int, top: int, bottom: int, height: int, needs: LayoutNeeds) -> Below:
    """The grid, and below it requests beside events; on a very narrow screen requests above events."""
    room = bottom - top
    wanted = 1 + max(BAND_MIN, min(2 * needs.nodes, 4))
    grid = min(needs.grid_rows + 1, max(room - wanted, min(room, GRID_MIN)))
    if grid <= needs.grid_rows <= LONG_GRID:
        grid = min(needs.grid_rows + 1, max(room - BAND_MIN, min(room, GRID_MIN)))
    places = {"services": Region(0, top, width, grid)}
    top += grid
    band = bottom - top
    if height < SPARKLINE_ROWS:
        places["events"] = Region(0, top, width, band if band > 1 else 0)
        return places, False
    if width < BESIDE_COLUMNS:
        lines = min(needs.nodes + 1, band if band < BAND_MIN + 2 else band - 2)
        places["requests"] = Region(0, top, width, lines)
        places["events"] = Region(0, top + lines, width, band - lines)
        return places, False
    left = max(34, width * 2 // 5)
    places["requests"] = Region(0, top, left, band)
    places["events"] = Region(left + 1, top, width - left - 1, band)
    return places, band - 1 >= 2 * needs.nodes


def _wide(width: int, top: int, bottom: int, needs: LayoutNeeds) -> Below:
    """Grid, requests and plot on the left; the event log takes the right side from top to bottom."""
    right = min(EVENTS_MAX, max(EVENTS_MIN, width * 2 // 5))
    left, room = width - right - 1, bottom - top
    grid = min(needs.grid_rows + 1, max(GRID_MIN, room * 6 // 10))
    places = {"events": Region(left + 1, top, right, room), "services": Region(0, top, left, grid)}
    top, room = top + grid, room - grid
    tall = room - (2 * needs.nodes + 1) >= PLOT_MIN + 2
    lines = min(needs.nodes * (2 if tall else 1) + 1, max(2, room - PLOT_MIN))
    if room - lines < PLOT_MIN:
        lines = room
    places["requests"] = Region(0, top, left, lines)
    places["plot"] = Region(0, top + lines, left, room - lines)
    return places, tall
