"""The three witnesses for a VIP: kept apart, then compared."""

from __future__ import annotations

import pytest

from iamops.model.events import (
    AddressChanged,
    ClientProbed,
    UnitReported,
    VrrpTransition,
)
from iamops.model.facts import ProbeOutcome, UnitReport, VrrpState
from iamops.model.state import ClusterState
from iamops.tui.overview.witnesses import WitnessBar, witnesses
from iamops.tui.toolkit.painted import ViewState
from iamops.tui.toolkit.text import text_of
from tests.support import scenes
from tests.support.scenes import NOW, VIP, A, B, bad, fed


def witness_line(state: ClusterState, width: int = 120) -> str:
    return text_of(WitnessBar().content(ViewState(state, NOW), width, 1).rows[0].line)


def test_three_witnesses_that_agree() -> None:
    said = witness_line(scenes.healthy())
    assert "kernel ★ iam-a" in said
    assert "keepalived ◆ iam-a" in said
    assert "client ● OK iam-a" in said
    assert "● agree 3h" in said


def test_master_without_address() -> None:
    state = fed(scenes.healthy(), [AddressChanged(NOW - 0.1, A, VIP, present=False)])
    assert "iam-a: MASTER without address" in witness_line(state)


def test_address_without_daemon() -> None:
    dead = UnitReported(NOW - 0.1, A, "keepalived", UnitReport("inactive", "dead"))
    assert "iam-a: address without daemon" in witness_line(fed(scenes.healthy(), [dead]))


def test_backup_with_address() -> None:
    state = fed(scenes.healthy(), [VrrpTransition(NOW - 0.1, A, "VI_1", VrrpState.BACKUP)])
    assert "iam-a: BACKUP with address" in witness_line(state)


def test_a_client_that_cannot_reach_the_vip_disagrees() -> None:
    dark = ClientProbed(NOW - 0.1, "VI_1", bad(ProbeOutcome.TIMEOUT))
    line = witness_line(fed(scenes.healthy(), [dark]))
    assert "✗ client dark" in line
    assert line.count("timeout") == 1


def test_a_client_that_reached_another_node_disagrees() -> None:
    other = ClientProbed(NOW - 0.1, "VI_1", scenes.ok(1.0, answered_by=B))
    assert "client reached iam-b" in witness_line(fed(scenes.healthy(), [other]))


def test_a_node_that_is_not_heard_is_no_witness() -> None:
    seen = witnesses(scenes.dark(), "VI_1", NOW)
    assert seen.owners == (A,)
    assert not seen.complete
    assert "agree" not in witness_line(scenes.dark())


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_witness_line_never_outgrows_the_screen(width: int) -> None:
    assert len(witness_line(scenes.troubled(), width)) <= width or width < 80


def test_a_witness_that_names_two_nodes_never_agrees() -> None:
    said = witness_line(scenes.owner_off())
    assert "kernel ★ iam-b" in said
    assert "keepalived ◆ iam-b ◌ was iam-a" in said
    both = [VrrpTransition(NOW, node, "VI_1", VrrpState.MASTER) for node in ("iam-a", "iam-b")]
    assert "✗ MASTER on iam-a and iam-b" in witness_line(scenes.fed(scenes.healthy(), both))
