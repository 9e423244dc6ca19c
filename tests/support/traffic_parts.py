"""The parts of the Traffic view, drawn one by one."""

from __future__ import annotations

from iamops.tui.toolkit.painted import ViewState
from iamops.tui.toolkit.pane import Pane
from iamops.tui.toolkit.text import PaneContent
from iamops.tui.traffic.backends import BackendTable
from iamops.tui.traffic.nodes import NodeTable
from iamops.tui.traffic.snapshot import TrafficSnapshot
from iamops.tui.traffic.tables import TopTable
from tests.support.scenes import NOW
from tests.support.traffic_view import state


def drawn(table: type[NodeTable | BackendTable | TopTable], taken: TrafficSnapshot, width: int) -> PaneContent:
    return content(table("table", lambda: taken), width)


def content(pane: Pane, width: int) -> PaneContent:
    return pane.content(ViewState(state(), NOW), width, 9)
