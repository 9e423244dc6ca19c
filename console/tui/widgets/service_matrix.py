"""The service x node matrix."""

from __future__ import annotations

from console.tui.view.dirty import Part
from console.tui.view.matrix import matrix
from console.tui.view.moment import Moment
from console.tui.view.rows import Picture
from console.tui.widgets.pane import Pane


class ServiceMatrix(Pane):
    """Domains through nginx, services at their own port, datastores from each node."""

    PART = Part.SERVICES
    FILTERED = True
    NAME = "Services"
    ABOUT = (
        "nginx: a domain asked through the node's own nginx. direct: a service at its own port; when "
        "the other node cannot reach it the cell turns to WARN and names who could not. store: a "
        "datastore greeted from each node. The line above the key hints tells the whole story of the "
        "cell under the cursor; c copies it."
    )

    def picture(self, moment: Moment, width: int, height: int) -> Picture:
        return matrix(moment, width, self.column)
