"""Where the parts of the Traffic view stand for a given terminal size. Pure arithmetic."""

from __future__ import annotations

from console.tui.view.layout import Place

BESIDE = 76
WIDE, HIGH = 110, 32
BACKENDS_MIN, BACKENDS_WIDE = 37, 50
FINDING_ROWS = 8
PLOT_ROWS = 17
PLOT_SHARE = 0.3
TABLE_MIN = 4


def traffic_places(width: int, height: int, nodes: int, backends: int) -> dict[str, Place]:
    """What has no room has no place. `nodes` and `backends` are how many rows of each there are."""
    places = {
        "header": Place(0, 0, width, 1),
        "standing": Place(0, 1, width, 1),
        "foot": Place(0, max(1, height - 2), width, 2),
    }
    if height >= FINDING_ROWS:
        height -= 1
        places["finding"] = Place(0, height - 2, width, 1)
    top, room = 2, height - 4
    table = min(nodes + 2, max(3, room // 3))
    plot = 0 if height < PLOT_ROWS else min(14, max(6, int(room * PLOT_SHARE)))
    plot = plot if room - plot - table >= TABLE_MIN else 0
    if plot:
        places["plot"] = Place(0, top, width, plot)
        top += plot
    if room - plot - table < TABLE_MIN:
        table = max(0, min(table, room - TABLE_MIN))
    if table > 1:
        places["nodes"] = Place(0, top, width, table)
        top += table
    return places | _tables(width, top, height - 2 - top, backends, wide=width >= WIDE and height >= HIGH)


def _tables(width: int, top: int, room: int, backends: int, *, wide: bool) -> dict[str, Place]:
    """The backends stand beside the table, above a second one where there is room, or below it."""
    if room < 1:
        return {}
    if width < BESIDE:
        below = min(backends + 1, room // 2) if room >= 2 * TABLE_MIN else 0
        places = {"top": Place(0, top, width, room - below)}
        return places | ({"backends": Place(0, top + room - below, width, below)} if below else {})
    right = max(BACKENDS_WIDE, width // 3) if wide else BACKENDS_MIN
    left = width - right - 1
    places = {"top": Place(0, top, left, room)}
    above = min(backends + 2, room // 2) if wide else room
    places["backends"] = Place(left + 1, top, right, above)
    if wide:
        places["second"] = Place(left + 1, top + above, right, room - above)
    return places
