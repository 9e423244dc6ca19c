"""Drives a console in a test: what a person would read from the screen, and what they would press."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot
from textual.widgets import Input

from iamops.model.state import ClusterState
from iamops.tui.app.actions import BY_NAME, OVERVIEW
from iamops.tui.app.app import ConsoleApp
from iamops.tui.app.painting import VIEWS
from tests.support.operators import FixedOperator
from tests.support.scenes import FixedCluster

# Each view with its key, the one that a console begins with last.
VIEW_KEYS = {view: BY_NAME[view.lower()].keys[0] for view in (*VIEWS, OVERVIEW)}


class Watched:
    """A running console and its cluster."""

    def __init__(
        self, app: ConsoleApp, cluster: FixedCluster, operator: FixedOperator, pilot: Pilot[None]
    ) -> None:
        self.app, self.cluster, self.operator, self.pilot = app, cluster, operator, pilot

    @property
    def lines(self) -> list[str]:
        """The screen as text, line by line."""
        rows = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in row).rstrip() for row in rows]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def foot(self) -> str:
        """The line above the key hints: toast, prompt or detail."""
        return self.lines[-2]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, claim: Callable[[], object], within_s: float = 10.0) -> None:
        """Until a claim about the screen is true: a slow machine paints later."""
        deadline = time.monotonic() + within_s
        while not claim():
            assert time.monotonic() < deadline, self.text
            await self.pilot.pause(0.02)

    async def type(self, text: str) -> None:
        names = {" ": "space", ":": "colon", "/": "slash", "-": "minus", ".": "full_stop", "_": "underscore"}
        await self.press(*(names.get(character, character) for character in text))


@asynccontextmanager
async def console(
    state: ClusterState,
    size: tuple[int, int] = (80, 24),
    cluster: FixedCluster | None = None,
    operator: FixedOperator | None = None,
    **options: object,
) -> AsyncIterator[Watched]:
    """A console on a fixed cluster, painted and idle."""
    cluster = cluster or (operator.cluster if operator else FixedCluster(state))
    operator = operator or FixedOperator(cluster)
    app = ConsoleApp(cluster, lambda: operator, **options)  # type: ignore[arg-type]
    assert app.operator is operator  # whatever it knows already is on the first frame
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield Watched(app, cluster, operator, pilot)


async def armed(seen: Watched) -> None:
    await seen.press("A")
    assert "ARMED 10:00" in seen.lines[0]


async def agree(seen: Watched, word: str = "lab") -> None:
    """Types what the dialog asks for, and agrees."""
    seen.app.screen.query_one("#typed", Input).focus()
    await seen.type(word)
    await seen.press("enter")
