"""One line per node, where there are too many for cards."""

from __future__ import annotations

from console.tui.view.dirty import Part
from console.tui.view.moment import Moment
from console.tui.view.nodes import node_list
from console.tui.view.rows import Picture
from console.tui.widgets.pane import Pane


class NodeList(Pane):
    """Every node that passes the filter."""

    PART = Part.NODES
    FILTERED = True
    NAME = "Nodes"
    ABOUT = (
        "One line per node: ★ holds a VIP, keepalived's state and effective priority, nginx and "
        "keepalived, how long ago it was heard, load, memory and disk. Press / to filter by name or "
        "state, for example /unknown."
    )

    def picture(self, moment: Moment, width: int, height: int) -> Picture:
        return node_list(moment, width)
