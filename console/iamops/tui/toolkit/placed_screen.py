"""A view whose panes stand at places that are computed from the size of the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from textual.events import Resize
from textual.geometry import Region, Size

from iamops.tui.toolkit.painted import Painted
from iamops.tui.toolkit.screen import ViewScreen


class PlacedScreen(ViewScreen):
    """Base of the Overview and the Traffic view. A pane without a place is hidden."""

    DEFAULT_CSS = """
    PlacedScreen { background: $background; overflow: hidden; }
    PlacedScreen > * { position: absolute; }
    """

    def places(self, width: int, height: int) -> Mapping[str, Region]:
        """The place of each pane by its id, and that of the foot."""
        raise NotImplementedError

    def on_mount(self) -> None:
        super().on_mount()
        self.arrange_panes(self.app.size)

    def on_resize(self, event: Resize) -> None:
        self.arrange_panes(event.size)

    def arrange_panes(self, size: Size) -> None:
        places = self.places(*size)
        with self.app.batch_update():
            for widget in (*self.query_children(Painted), self.foot):
                place = places.get(str(widget.id))
                widget.display = place is not None
                if place is not None:
                    widget.styles.offset = place.offset
                    widget.styles.width, widget.styles.height = place.size
        super().paint(self.view_state)
