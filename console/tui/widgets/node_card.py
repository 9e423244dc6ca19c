"""The card of one node."""

from __future__ import annotations

from console.tui.view.cards import card
from console.tui.view.dirty import Part
from console.tui.view.moment import Moment
from console.tui.view.rows import Picture
from console.tui.widgets.pane import Pane


class NodeCard(Pane):
    """VRRP, units, host and link of one node."""

    PART = Part.NODES
    NAME = "Node"
    ABOUT = (
        "One node. vrrp: keepalived's state (◆ MASTER, ◇ BACKUP, ✗ FAULT) and effective priority. "
        "★ VIP in the title: the kernel holds the address. link: the SSH connection and how long ago "
        "anything was heard. A node that is not heard is STALE after 4 s and UNKNOWN after 12 s: that "
        "says nothing about whether it is down. h and l go to the neighbouring cards."
    )

    def __init__(self, node: str) -> None:
        super().__init__()
        self.node = node
        self.roomy = False

    def picture(self, moment: Moment, width: int, height: int) -> Picture:
        return card(moment, self.node, width, roomy=self.roomy)
