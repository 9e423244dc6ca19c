"""An error of the console's own: what is left on the terminal holds no variable, and no secret of its words."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from iamops.model.events import Noticed
from iamops.model.exit_code import ExitCode
from iamops.model.facts import Severity
from iamops.tui.app.app import ConsoleApp
from iamops.tui.overview.header import StatusHeader
from tests.support import scenes
from tests.support.decks import FixedDeck
from tests.support.scenes import FixedCluster
from tests.support.screens import console


async def crashed() -> tuple[str, int | None]:
    """What a console leaves on the terminal that failed with a password at hand."""
    cluster = FixedCluster(scenes.healthy())
    app = ConsoleApp(cluster, lambda: FixedDeck(cluster))
    told = io.StringIO()
    app.error_console = Console(file=told, width=400)

    def fail() -> None:
        answer = "FAKElocal" + "12x"
        raise RuntimeError(f"no good: password=FAKEworded34x \x1b[2J {len(answer)}")

    async def failing() -> None:
        async with app.run_test() as pilot:
            app.call_later(fail)
            await pilot.pause()

    with pytest.raises(RuntimeError):
        await failing()
    app._print_error_renderables()
    return told.getvalue(), app.return_code


async def test_a_crash_tells_no_variables_no_secrets_and_no_controls(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("IAMOPS_DEBUG", raising=False)
    told, code = await crashed()
    assert "RuntimeError: no good: password=[redacted password]" in told
    assert "IAMOPS_DEBUG=1" in told
    assert "FAKE" not in told
    assert "\x1b[2J" not in told
    assert code == ExitCode.UNKNOWN


async def test_whoever_asks_for_it_gets_the_places_without_variables(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IAMOPS_DEBUG", "1")
    told, _ = await crashed()
    assert "test_crash.py" in told
    assert "FAKElocal12x" not in told
    assert "FAKEworded34x" not in told


async def test_a_part_that_cannot_be_drawn_says_so_and_all_the_others_are(monkeypatch: pytest.MonkeyPatch):
    def fails(self: object, moment: object, width: int, height: int) -> None:
        raise KeyError("iam-c")

    async with console(scenes.healthy()) as seen:
        monkeypatch.setattr(StatusHeader, "draw", fails)
        seen.cluster.store.apply(Noticed(seen.cluster.now(), None, Severity.INFO, "something new"))
        await seen.until(lambda: "not drawn: a fault of iamops: KeyError" in seen.text)
        await seen.until(lambda: "something new" in seen.text)


async def test_work_beside_the_screen_that_fails_is_told(monkeypatch: pytest.MonkeyPatch):
    async def fails() -> None:
        raise RecursionError("too deep")

    async with console(scenes.healthy()) as seen:
        seen.app.work(fails, "learn Drills")
        await seen.until(lambda: "learn Drills: a fault of iamops: RecursionError" in seen.text)
        notice = seen.cluster.store.state.notices[-1]
        assert notice.severity is Severity.CRITICAL
