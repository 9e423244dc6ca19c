"""Text from the nodes is shown as text: no markup, no escapes, no reordering."""

from __future__ import annotations

import pytest

from iamops.judge.findings import Evidence, Finding
from iamops.model.events import HttpProbed, LinkChanged, Target
from iamops.model.facts import Link, LinkState, ProbeOutcome, Severity
from tests.support import scenes
from tests.support.scenes import NOW, A, B, FixedCluster, bad, fed
from tests.support.screens import Watched, console

NASTY = "[red]x[/] \x1b[31mred\x1b]0;title\x07 \u202eevil\u2066 \u200b$text @click=app.quit() end"
SHOWN = "[red]x[/] \\x1b[31mred\\x1b]0;title\\x07 \\u202eevil\\u2066 \\u200b$text @click=app.quit() end"


def harmless(seen: Watched) -> None:
    assert all(character.isprintable() for line in seen.lines for character in line)


@pytest.fixture
def nasty_finding() -> Finding:
    return Finding("nasty", Severity.CRITICAL, NASTY, (Evidence(NASTY),), NASTY, "iam-a")


async def test_a_notice() -> None:
    async with console(scenes.with_notice(scenes.healthy(), NASTY), size=(200, 60)) as seen:
        assert "".join(SHOWN.split()) in "".join("".join(line[120:].split()) for line in seen.lines)
        harmless(seen)


async def test_a_notice_in_the_detail_line_and_in_a_copy() -> None:
    async with console(scenes.with_notice(scenes.healthy(), NASTY), size=(200, 24)) as seen:
        await seen.press("tab", "tab")
        assert SHOWN in seen.foot
        harmless(seen)
        await seen.press("c")
        assert all(character.isprintable() for character in seen.app.clipboard)


async def test_a_reason_of_the_link_a_probe_and_a_finding(nasty_finding: Finding) -> None:
    state = fed(
        scenes.dark(),
        [
            LinkChanged(NOW, B, Link(LinkState.DOWN, NOW, "refused", NASTY, NASTY)),
            HttpProbed(NOW, A, A, Target.SERVICE, "iam-pump", bad(ProbeOutcome.REFUSED, NASTY)),
        ],
    )
    cluster = FixedCluster(state, findings=(nasty_finding,))
    for size in ((80, 24), (200, 60)):
        async with console(state, size=size, cluster=cluster) as seen:
            await seen.pilot.pause(0.15)
            assert "[red]x[/]" in seen.text
            for _ in range(8):
                await seen.press("G", "tab")
                harmless(seen)


async def test_a_toast_and_the_filter() -> None:
    async with console(scenes.healthy()) as seen:
        seen.app.view.toast(NASTY)
        await seen.pilot.pause()
        assert "[red]x[/] \\x1b[31m" in seen.foot
        seen.app.view.narrow("[red]x[/]\x1b[31m")
        await seen.pilot.pause()
        assert "SERVICES /[red]x[/]\\x1b[31m" in seen.text
        harmless(seen)
