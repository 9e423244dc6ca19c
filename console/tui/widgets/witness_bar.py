"""Kernel, keepalived and client about each VIP, side by side."""

from __future__ import annotations

from console.tui.view import witness
from console.tui.view.dirty import Part
from console.tui.view.moment import Moment
from console.tui.view.rows import Picture
from console.tui.widgets.pane import Pane


class WitnessBar(Pane):
    """One line per VRRP instance."""

    PART = Part.WITNESSES
    TITLED = False
    NAME = "VIP witnesses"
    ABOUT = (
        "Three witnesses for each VIP, kept apart on purpose. kernel: the node whose network stack "
        "holds the address (★). keepalived: the node that calls itself MASTER (◆). client: what a "
        "client on this machine reached. When they disagree, trust the kernel for who holds the "
        "address and the client for whether it works."
    )

    def picture(self, moment: Moment, width: int, height: int) -> Picture:
        return witness.picture(moment, width)
