"""Requests per second, one sparkline per node."""

from __future__ import annotations

from console.tui.view.dirty import Part
from console.tui.view.moment import Moment
from console.tui.view.requests import requests
from console.tui.view.rows import Picture
from console.tui.widgets.pane import Pane


class RequestRates(Pane):
    """Sparklines with total and 5xx share."""

    PART = Part.REQUESTS
    NAME = "Requests"
    ABOUT = (
        "Requests per second of each node from its access log, all graphs on one scale; then the "
        "requests of the log it had at the start and since, and the share of 5xx answers over the time shown. "
        "▼ on the rule above marks a VIP move. The console's own health probes are among them."
    )

    def __init__(self, ident: str | None = None) -> None:
        super().__init__(ident)
        self.tall = False

    def picture(self, moment: Moment, width: int, height: int) -> Picture:
        return requests(moment, width, tall=self.tall)
