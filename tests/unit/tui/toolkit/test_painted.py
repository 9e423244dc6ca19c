"""A painted widget repaints the lines that changed, and no other."""

from __future__ import annotations

from iamops.model.events import HttpProbed, Target
from iamops.model.facts import ProbeOutcome
from tests.support import scenes
from tests.support.scenes import NOW, A, bad
from tests.support.screens import console


async def test_only_the_lines_that_changed_are_repainted() -> None:
    async with console(scenes.healthy()) as seen:
        await seen.pilot.pause(0.15)
        services = seen.app.view.query_one("#services")
        lines: list[int] = []
        render = services.render_line
        services.render_line = lambda y: lines.append(y) or render(y)  # type: ignore[method-assign, func-returns-value]
        refused = HttpProbed(NOW, A, A, Target.SERVICE, "iam-pump", bad(ProbeOutcome.REFUSED))
        seen.cluster.store.apply(refused)
        await seen.pilot.pause(0.2)
        assert "✗ DOWN" in seen.text
        assert set(lines) == {5}
