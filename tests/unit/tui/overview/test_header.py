"""The status header: where we are, who owns the VIP, and how old that is."""

from __future__ import annotations

import pytest

from iamops.model.events import (
    AddressChanged,
    AddressesListed,
    HostReported,
    LinkChanged,
)
from iamops.model.facts import HostReport, Link, LinkState
from iamops.model.state import ClusterState
from iamops.tui.overview.header import StatusHeader
from iamops.tui.overview.witnesses import WitnessBar
from iamops.tui.toolkit.painted import ViewState
from iamops.tui.toolkit.text import Line, Tone, text_of
from tests.support import scenes
from tests.support.scenes import NOW, VIP, A, B, fed


def header(moment: ViewState, width: int) -> Line:
    (line,) = StatusHeader().draw(moment, width, 1)
    return line


def at(state: ClusterState, width: int = 80, now: float = NOW, **more: object) -> str:
    return text_of(header(ViewState(state, now, **more), width))  # type: ignore[arg-type]


def witness_line(state: ClusterState, width: int = 120) -> str:
    return text_of(WitnessBar().content(ViewState(state, NOW), width, 1).rows[0].line)


def test_says_where_we_are_and_who_owns_the_vip() -> None:
    said = at(scenes.healthy())
    assert said.strip() == f"LAB ○ lab | VIP {VIP} -> iam-a | READ-ONLY | updated <1s | ALERTS 0"


def test_production_is_named_and_red() -> None:
    line = header(ViewState(scenes.healthy("production"), NOW), 80)
    assert text_of(line).startswith(" PROD ▲ iam-ha |")
    assert {span.tone for span in line} == {Tone.PROD}


def test_split_brain_names_both_owners_in_alarm_and_fits_80_columns() -> None:
    line = header(ViewState(scenes.split_brain(), NOW, (scenes.SPLIT,)), 80)
    assert f"VIP {VIP} -> iam-a + iam-b SPLIT BRAIN" in text_of(line)
    assert any("SPLIT BRAIN" in span.text and span.tone is Tone.BAR_ALARM for span in line)
    assert "READ-ONLY" in text_of(line)
    assert "ALERTS 1" in text_of(line)


def test_nobody_only_when_every_node_was_asked() -> None:
    state = fed(scenes.healthy(), [AddressChanged(NOW - 0.1, A, VIP, present=False)])
    assert "-> NOBODY" in at(state)


def test_unknown_while_a_node_that_could_hold_it_is_not_seen() -> None:
    state = fed(scenes.dark(), [AddressChanged(NOW - 0.1, A, VIP, present=False)])
    assert "-> UNKNOWN" in at(state)
    assert "NOBODY" not in at(state)


def test_starting_knows_nothing_and_says_so() -> None:
    assert at(scenes.starting()).strip() == f"LAB ○ lab | VIP {VIP} -> UNKNOWN | READ-ONLY | connecting | ALERTS 0"


def test_a_stale_owner_is_marked() -> None:
    assert "-> iam-a STALE 6s" in at(scenes.healthy(now=NOW - 6))


@pytest.mark.parametrize("width", [20, 40, 60, 79, 80, 120, 200])
def test_is_exactly_as_wide_as_the_screen(width: int) -> None:
    assert len(at(scenes.split_brain("production"), width)) == width


def test_a_held_picture_says_paused_and_for_how_long() -> None:
    assert "PAUSED 12s" in at(scenes.healthy(), paused_s=12.0)


def test_a_dead_owner_is_not_an_owner_and_not_a_split_brain() -> None:
    state = scenes.healthy(now=NOW - 30)
    down = Link(LinkState.DOWN, NOW - 29, "timeout", "no answer")
    listed = AddressesListed(NOW - 0.1, B, frozenset({"10.0.4.21", VIP}))
    state = fed(state, [LinkChanged(NOW - 29, A, down), listed])
    assert f"VIP {VIP} -> iam-b |" in at(state)


def test_for_the_moment_of_a_handover_both_are_named_and_it_is_no_split_brain() -> None:
    gained = AddressChanged(NOW, "iam-b", VIP, present=True)
    state = fed(scenes.healthy(), [gained, HostReported(NOW, "iam-a", HostReport())])
    assert "-> iam-a + iam-b |" in text_of(header(ViewState(state, NOW + 0.1), 100))
    assert "agree" not in witness_line(state)
    assert "SPLIT BRAIN" in text_of(header(ViewState(state, NOW + 1.1), 100))
