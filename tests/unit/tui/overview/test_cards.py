"""The node cards and the node list."""

from __future__ import annotations

import pytest

from iamops.model.events import HostReported, HttpProbed, SourceLost, Target, UnitReported, VrrpReported
from iamops.model.events import Source as Collector
from iamops.model.facts import HostReport, ProbeOutcome, ProbeReport, UnitReport, VrrpReport, VrrpState
from iamops.model.state import ClusterState
from iamops.tui.overview.cards import NodeCard
from iamops.tui.overview.layout import card_rows
from iamops.tui.toolkit.painted import ViewState
from iamops.tui.toolkit.pane import rule
from iamops.tui.toolkit.text import PaneContent, Tone, text_of
from tests.support import scenes
from tests.support.scenes import NOW, A, B, fed


def card(moment: ViewState, name: str, width: int, *, roomy: bool) -> PaneContent:
    pane = NodeCard(name)
    pane.roomy = roomy
    return pane.content(moment, width, 9)


def lines(state: ClusterState, node: str, width: int = 39, *, roomy: bool = False) -> list[str]:
    picture = card(ViewState(state, NOW), node, width, roomy=roomy)
    return [text_of(rule(picture, width)), *(text_of(row.line) for row in picture.rows)]


def test_a_healthy_owner_at_a_glance() -> None:
    assert lines(scenes.healthy(), A) == [
        "─ iam-a 10.0.4.20 ───────────── ★ VIP ─",
        " vrrp   ◆ MASTER   prio 100",
        " nginx  ● OK      keepalived ● OK",
        " host   load 0.10  mem 34%  disk 40%",
        " link   ● UP <1s  clock +0.4 ms",
    ]


def test_an_unknown_node_shows_no_value_but_why() -> None:
    assert lines(scenes.dark(), B) == [
        "─ iam-b 10.0.4.21 ───────── ? UNKNOWN ─",
        " vrrp   ? UNKNOWN",
        " nginx  ? UNKNOWN keepalived ? UNKNOWN",
        " link   ✗ LOST 33s  heard 34s ago",
        " no answer on 10.0.4.21:22 within 5 s",
    ]


def test_the_detail_of_an_unknown_node_names_the_next_step() -> None:
    picture = card(ViewState(scenes.dark(), NOW), B, 39, roomy=False)
    assert "check the node's console" in picture.rows[3].cells[0].detail


def test_a_stale_node_dims_every_value_and_says_how_old() -> None:
    picture = card(ViewState(scenes.dark(silent_s=6), NOW), B, 40, roomy=False)
    said = [text_of(row.line) for row in picture.rows]
    assert said[0] == " vrrp   ◌ STALE 6s was BACKUP"
    assert said[1] == " nginx  ◌ STALE 6s keepalived ◌ STALE 6s"
    assert said[2] == " host   ◌ STALE 6s"
    tones = {span.tone for row in list(picture.rows)[:3] for span in row.line}
    assert tones == {Tone.MUTED, Tone.STALE}


@pytest.mark.parametrize("silent_s", [10.0, 11.5])
def test_a_two_digit_age_still_fits_the_card(silent_s: float) -> None:
    assert all(len(line) <= 39 for line in lines(scenes.dark(silent_s=silent_s), B))
    assert lines(scenes.dark(silent_s=silent_s), B)[2].endswith("s, keepalived too")


def test_a_raised_priority_is_shown_beside_its_base() -> None:
    raised = VrrpReport(VrrpState.BACKUP, "json", 50, 254)
    state = fed(scenes.healthy(), [VrrpReported(NOW - 0.1, B, "VI_1", raised)])
    assert lines(state, B)[1] == " vrrp   ◇ BACKUP   prio 254 (base 50)"


def test_a_priority_that_is_not_known_is_not_the_promised_one() -> None:
    state = fed(scenes.healthy(), [VrrpReported(NOW - 0.1, B, "VI_1", VrrpReport(VrrpState.BACKUP, "journal"))])
    assert "prio ?" in lines(state, B)[1]


def test_a_stopped_unit_is_down_with_systemds_word() -> None:
    state = fed(scenes.healthy(), [UnitReported(NOW - 0.1, A, "nginx", UnitReport("failed", "failed"))])
    assert lines(state, A)[2] == " nginx  ✗ DOWN    keepalived ● OK"
    assert lines(state, A, 80)[2] == " nginx  ✗ DOWN    failed keepalived ● OK"


@pytest.mark.parametrize("roomy", [False, True])
def test_an_nginx_that_runs_and_answers_badly_is_not_ok_in_either_card(roomy: bool) -> None:
    bad = ProbeReport(ProbeOutcome.BAD_ANSWER, 1.0, 502, "HTTP 502")
    state = fed(scenes.healthy(), [HttpProbed(NOW, B, B, Target.DOMAIN, scenes.DOMAINS[0], bad)])
    (nginx,) = (line for line in lines(state, B, 59, roomy=roomy) if line.startswith(" nginx"))
    assert "✗ FAILING" in nginx
    assert "● OK" in next(line for line in lines(state, A, 59, roomy=roomy) if line.startswith(" nginx"))


def test_a_collector_that_is_lost_gives_its_own_reason() -> None:
    lost = SourceLost(NOW - 0.1, A, Collector.VRRP, "sudo is not allowed")
    assert "? UNKNOWN sudo is not allowed" in lines(fed(scenes.healthy(), [lost]), A)[1]


def test_full_disks_and_skewed_clocks_have_a_glyph() -> None:
    report = HostReported(NOW - 0.1, A, HostReport(0.5, 95.0, 99.0, 800.0))
    said = "\n".join(lines(fed(scenes.healthy(), [report]), A))
    assert "▲mem 95%  ▲disk 99%" in said
    assert "▲clock +800 ms" in said


def test_what_the_host_did_not_say_is_a_question_mark_not_a_zero() -> None:
    report = HostReported(NOW - 0.1, A, HostReport(load1=0.2))
    assert "load 0.20  mem ?  disk ?" in lines(fed(scenes.healthy(), [report]), A)[3]


def test_the_roomy_card_has_the_rows_the_layout_reserves() -> None:
    for roomy in (False, True):
        assert len(lines(scenes.healthy(), A, 59, roomy=roomy)) == 1 + card_rows(1, roomy=roomy)
    assert " kernel      ★ VIP      10.0.4.99 for 3h" in lines(scenes.healthy(), A, 59, roomy=True)


def test_split_brain_marks_both_cards_in_alarm() -> None:
    for node in (A, B):
        marks = card(ViewState(scenes.split_brain(), NOW), node, 39, roomy=False).marks
        assert [(span.text, span.tone) for span in marks] == [("★ VIP", Tone.DOWN)]


def test_what_a_silent_owner_said_last_is_drawn_as_what_it_was() -> None:
    moment = ViewState(scenes.owner_off(), NOW)
    dead = card(moment, A, 59, roomy=True)
    assert [(span.text, span.tone) for span in dead.marks] == [
        ("◌ was VIP", Tone.STALE),
        ("  ◌ 7s", Tone.STALE),
    ]
    said = [text_of(row.line).rstrip() for row in dead.rows]
    assert " kernel      ◌ was VIP  10.0.4.99, 7s ago" in said
    assert " link        ◌ SILENT 7s" in said
    assert text_of(card(moment, B, 59, roomy=True).marks) == "★ VIP"


def test_a_vip_that_was_there_when_we_first_looked_is_held_for_at_least_so_long() -> None:
    """Unless keepalived tells since when."""
    state = scenes.fed(scenes.healthy(), [SourceLost(NOW, A, Collector.VRRP, "no dump")])
    assert " kernel      ★ VIP      10.0.4.99 for ≥3h" in [
        text_of(row.line).rstrip() for row in card(ViewState(state, NOW), A, 59, roomy=True).rows
    ]


@pytest.mark.parametrize(
    ("active", "sub", "said"), [("failed", "failed", "failed"), ("inactive", "dead", "inactive")]
)
def test_the_state_of_a_unit_is_said_once(active: str, sub: str, said: str):
    state = fed(scenes.healthy(), [UnitReported(NOW, A, "nginx", UnitReport(active, sub))])
    card = NodeCard(A)
    card.roomy = True
    text = "\n".join(text_of(row.line) for row in card.content(ViewState(state, NOW), 60, 9).rows)
    assert f"{active} · {sub}" not in text
    assert said in text
