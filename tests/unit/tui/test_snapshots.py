"""Pictures of the Overview. A change of the screen shows up as a difference a person can look at."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from iamops.judge.findings import Finding
from iamops.model.state import ClusterState
from iamops.report.drill import drill_document
from iamops.tui.app.app import ConsoleApp
from tests.support import scenes
from tests.support.drill_samples import gap, keepalived_stop, report
from tests.support.operators import FixedOperator, audited, drifted
from tests.support.scenes import FixedCluster

SCENES: dict[str, tuple[Callable[[], ClusterState], tuple[Finding, ...]]] = {
    "healthy": (scenes.healthy, ()),
    "split-brain": (scenes.split_brain, (scenes.SPLIT,)),
    "dark": (scenes.dark, ()),
    "stale": (lambda: scenes.dark(silent_s=6), ()),
    "starting": (scenes.starting, ()),
}
EXTRA: dict[str, tuple[Callable[[], ClusterState], tuple[Finding, ...]]] = {
    "production": (scenes.troubled, (scenes.SPLIT, scenes.NO_GRANT)),
    "moved": (scenes.moved, ()),
    "fifty": (scenes.many, ()),
}

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
Compare = Callable[..., bool]


def app(scene: str, theme: str) -> ConsoleApp:
    make, findings = (SCENES | EXTRA)[scene]
    cluster = FixedCluster(make(), findings=findings)
    plain = theme == "no-color"
    return ConsoleApp(cluster, lambda: FixedOperator(cluster), theme=None if plain else theme, no_color=plain)


async def _settled(pilot: Pilot[None]) -> None:
    await pilot.pause(0.3)


@pytest.mark.parametrize("theme", ["dark", "light", "no-color"])
@SIZES
@pytest.mark.parametrize("scene", SCENES)
def test_overview(snap_compare: Compare, scene: str, size: tuple[int, int], theme: str) -> None:
    assert snap_compare(app(scene, theme), terminal_size=size, run_before=_settled)


@pytest.mark.parametrize("scene", EXTRA)
def test_overview_of(snap_compare: Compare, scene: str) -> None:
    assert snap_compare(app(scene, "colour-blind"), terminal_size=(80, 24), run_before=_settled)


def test_help(snap_compare: Compare) -> None:
    assert snap_compare(app("healthy", "dark"), press=["question_mark"], run_before=_settled)


def test_command_line(snap_compare: Compare) -> None:
    keys = ["colon", "t", "h", "e", "m", "e", "space"]
    assert snap_compare(app("healthy", "dark"), press=keys, run_before=_settled)


async def _switchover(pilot: Pilot[None]) -> None:
    await pilot.press("A", "F")
    await pilot.pause(0.3)


async def _running(pilot: Pilot[None]) -> None:
    await _switchover(pilot)
    pilot.app.screen.query_one("#typed").focus()
    await pilot.press(*"lab", "enter")
    await pilot.pause(0.3)


async def _drills(pilot: Pilot[None]) -> None:
    await pilot.press("4")
    await pilot.pause(0.5)


async def _drilling(pilot: Pilot[None]) -> None:
    await _drills(pilot)
    await pilot.press("A", "D")
    await pilot.pause(0.3)
    pilot.app.screen.query_one("#typed").focus()
    await pilot.press(*"lab", "enter")
    await pilot.pause(0.4)


async def _audit(pilot: Pilot[None]) -> None:
    await pilot.press("7")
    await pilot.pause(0.4)


@SIZES
def test_confirm(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app("healthy", "dark"), terminal_size=size, run_before=_switchover)


@SIZES
def test_run(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app("healthy", "dark"), terminal_size=size, run_before=_running)


@SIZES
def test_audit(snap_compare: Compare, size: tuple[int, int]) -> None:
    cluster = FixedCluster(scenes.healthy())
    assert snap_compare(ConsoleApp(cluster, audited), terminal_size=size, run_before=_audit)


async def _config(pilot: Pilot[None]) -> None:
    await pilot.press("5")
    await pilot.pause(0.4)


@SIZES
def test_config(snap_compare: Compare, size: tuple[int, int]) -> None:
    operator = drifted()
    app = ConsoleApp(operator.cluster, lambda: operator)
    assert app.operator is operator  # armed from the first frame on
    assert snap_compare(app, terminal_size=size, run_before=_config)


@SIZES
def test_drills(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(drilled(), terminal_size=size, run_before=_drills)


@SIZES
def test_drilling(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(drilled(), terminal_size=size, run_before=_drilling)


@SIZES
def test_drilled(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = drilled()
    app.operator.go_on.set()
    assert snap_compare(app, terminal_size=size, run_before=_drilling)


@SIZES
def test_drill_failed(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = drilled()
    app.operator.ending = report(keepalived_stop(gaps=(gap(0.125, 1.25),)), restored_by="console")
    app.operator.go_on.set()
    assert snap_compare(app, terminal_size=size, run_before=_drilling)


def drilled() -> ConsoleApp:
    cluster = FixedCluster(scenes.healthy())
    operator = FixedOperator(cluster)
    operator.earlier = (drill_document(report()),)
    return ConsoleApp(cluster, lambda: operator)
