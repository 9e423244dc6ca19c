"""The nodes as machines: reached, silent, full, or with a wrong clock."""

from __future__ import annotations

from iamops.judge.rules import findings
from iamops.judge.rules.base import RuleInput
from iamops.judge.triage.diagnose import diagnose
from iamops.model.events import (
    AddressesListed,
    HostReported,
    HttpProbed,
    LinkChanged,
    PortProbed,
    Source,
    SourceLost,
    Target,
    UnitReported,
)
from iamops.model.facts import HostReport, Link, LinkState, ProbeOutcome, ProbeReport, Severity, UnitReport
from iamops.model.inspection import Inspection, NodeInspection
from tests.support.cluster_states import NOW, OK, VIP, fed, healthy
from tests.support.finding_samples import state
from tests.support.rule_codes import codes
from tests.support.silent_nodes import codes_of_silence, connected


def test_a_node_that_comes_back_is_not_judged_by_what_it_and_its_peer_said_before():
    """It was well until its power went, and nobody reached it since: that is no firewall."""
    timeout = ProbeReport(ProbeOutcome.TIMEOUT, detail="no answer within 1 s")
    names = ("iam-apiserver", "iam-authz-server", "iam-pump")
    away = [HttpProbed(NOW + 5, "iam-b", "iam-a", Target.SERVICE, name, timeout) for name in names]
    events = [LinkChanged(NOW + 1, "iam-b", Link(LinkState.DOWN)), *away]
    back = LinkChanged(NOW + 9, "iam-b", Link(LinkState.UP, NOW + 9))
    awake = [HostReported(NOW + 9, "iam-b", HostReport()), AddressesListed(NOW + 9, "iam-a", frozenset({VIP}))]
    assert "not-serving" not in codes(*events, back, *awake, now=NOW + 9.5)
    well = [HttpProbed(NOW + 9, "iam-b", "iam-b", Target.SERVICE, name, OK) for name in names]
    still = [HttpProbed(NOW + 11, "iam-b", "iam-a", Target.SERVICE, name, timeout) for name in names]
    assert "not-serving" in codes(*events, back, *awake, *well, *still, now=NOW + 11.5)


def test_a_disk_without_room_is_critical_and_says_what_that_means():
    for used, severity in ((98.0, Severity.WARNING), (99.5, Severity.CRITICAL)):
        (found,) = findings(fed(healthy(), [HostReported(NOW, "iam-b", HostReport(disk_used_pct=used))]), NOW + 2)
        assert (found.severity, bool(found.means)) == (severity, severity is Severity.CRITICAL)


def test_an_unreachable_node_is_not_judged_by_its_last_words():
    lost = [
        UnitReported(NOW, "iam-b", "nginx", UnitReport("inactive", "dead")),
        LinkChanged(NOW + 1, "iam-b", Link(LinkState.DOWN, NOW + 1, "hung", "nothing heard", "look at it")),
    ]
    assert codes(*lost, now=NOW + 30)[0] == "node-unreachable"
    assert "unit-down" not in codes(*lost, now=NOW + 30)


def test_a_node_that_peers_still_get_answers_from_is_serving_unseen():
    lost = LinkChanged(NOW + 1, "iam-b", Link(LinkState.DOWN, NOW + 1, "hung", "nothing heard", "look at it"))
    served = HttpProbed(NOW + 1.5, "iam-b", "iam-a", Target.SERVICE, "iam-apiserver", OK)
    assert codes(lost, served, now=NOW + 2) == ["serving-unseen"]
    assert codes(lost, now=NOW + 2) == ["node-unreachable"], (
        "what was seen before the link was lost proves nothing"
    )


def test_two_clocks_on_either_side_of_ours_are_apart():
    hosts = [
        HostReported(NOW, node, HostReport(0.1, 20.0, 30.0, ms, 1.0))
        for node, ms in (("iam-a", -300.0), ("iam-b", 300.0))
    ]
    assert codes(*hosts) == ["clocks-apart"]


def test_the_uncertainty_of_both_clocks_counts():
    hosts = [
        HostReported(NOW, node, HostReport(0.1, 20.0, 30.0, ms, 80.0))
        for node, ms in (("iam-a", -300.0), ("iam-b", 300.0))
    ]
    assert codes(*hosts) == []


def test_a_full_disk_and_a_wrong_clock_are_warnings():
    host = HostReport(0.1, 20.0, 95.0, 900.0, 1.0)
    assert codes(HostReported(NOW, "iam-b", host)) == ["disk-full", "clock-skew"]


NOLOGIN = "the login shell of iam-b printed 'This account is currently not available.' and ran nothing (exit 1)"


def test_a_shell_that_runs_nothing_is_told_with_its_words():
    (found,) = (each for each in findings(connected(NOLOGIN), NOW + 2) if each.code == "node-silent")
    assert found.severity is Severity.CRITICAL
    assert NOLOGIN in found.title
    assert found.node == "iam-b"
    assert NOLOGIN in [each.value for each in found.evidence]


def test_a_node_that_has_just_been_connected_is_no_finding():
    assert "node-silent" not in codes_of_silence(connected(), NOW + 5)
    assert "node-silent" in codes_of_silence(connected(), NOW + 6.5)
    assert "node-silent" in codes_of_silence(connected(), NOW + 3, final=True), (
        "when the time is up nothing is left open"
    )
    assert "node-silent" not in codes_of_silence(healthy(), NOW + 2, final=True)


def test_a_forwarded_connection_is_not_the_node_telling_anything():
    forwarded = PortProbed(NOW + 2, "iam-b", 8081, ProbeReport(ProbeOutcome.OK))
    assert "node-silent" in codes_of_silence(fed(connected(NOLOGIN), [forwarded]), NOW + 3)
    (found,) = findings(fed(connected(), [forwarded]), NOW + 2, final=True)[:1]
    assert found.title.endswith("tells nothing of itself: no answer for 2 s"), "a forwarded answer is not its own"


def test_a_node_that_falls_silent_is_told_and_a_console_that_slept_is_not():
    assert "node-silent" not in codes_of_silence(healthy(), NOW + 60), (
        "nothing was heard of anybody, and nothing has failed"
    )
    black_hole = "no end of `systemctl show` within 5 s"
    lost = [SourceLost(NOW + 8, "iam-b", source, black_hole) for source in (Source.HOST, Source.UNITS)]
    assert "node-silent" not in codes_of_silence(fed(healthy(), lost), NOW + 9)
    assert "node-silent" in codes_of_silence(fed(healthy(), lost), NOW + 20)


def test_a_look_that_found_nothing_either_is_silence_and_one_that_did_is_none():
    for nodes, found in (
        ({"iam-b": NodeInspection.blind("iam-b", NOLOGIN)}, True),
        (dict(state().inspection.nodes), False),
    ):
        diagnosis = diagnose(RuleInput(connected(), Inspection(nodes)), NOW + 3)
        assert ("node-silent" in [each.code for each in diagnosis.findings]) is found


def test_a_node_that_is_still_connecting_when_the_time_is_up_cannot_be_seen():
    connecting = fed(healthy(), [LinkChanged(NOW + 1, "iam-b", Link(LinkState.CONNECTING))])
    assert "node-unreachable" not in codes_of_silence(connecting, NOW + 2)
    assert codes_of_silence(connecting, NOW + 2, final=True)[:1] == ["serving-unseen"]
