"""How wide the columns of a table may be, so that none is lost: the widest are cut, and none goes. Pure."""

from __future__ import annotations

from collections.abc import Sequence

# Between two columns, and about the table: its padding, and the box.
GAP = 2
LEAST = 3
# So narrow are all others before the names of the rows are cut.
TIGHT = 4
# So much of a node's column is worth showing: a glyph and a few letters.
NODE_LEAST = 9


def fitted(wanted: Sequence[int], room: int, gap: int = GAP) -> tuple[int, ...]:
    """Widths that fit into `room` with a gap behind each; the widest are cut first, none below LEAST.

    The first column names the rows: it is the last to be cut.
    """
    widths = list(wanted)
    over = sum(widths) + gap * len(widths) - room
    for columns, least in ((range(1, len(widths)), TIGHT), (range(len(widths)), LEAST)):
        while over > 0 and max((widths[at] for at in columns), default=0) > least:
            widest = max(columns, key=lambda at: widths[at])
            widths[widest] -= 1
            over -= 1
    return tuple(widths)


def groups(names: Sequence[str], head: int, room: int, gap: int = GAP) -> tuple[tuple[str, ...], ...]:
    """The names in as many groups as it takes to give each NODE_LEAST beside a column of `head`."""
    each = max(1, (room - head - gap) // (NODE_LEAST + gap))
    return tuple(tuple(names[at : at + each]) for at in range(0, len(names), each))
