"""A place on another view, and the wish to go there."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message


@dataclass(frozen=True, slots=True)
class Spot:
    """What to put the cursor on: a row by its `key`, a node, a time (epoch s); whatever the view knows of it."""

    key: str = ""
    node: str | None = None
    at: float | None = None


class Sought(Message):
    """Somebody wants to see a place. `view` is the view's name."""

    def __init__(self, view: str, spot: Spot) -> None:
        super().__init__()
        self.view, self.spot = view, spot
