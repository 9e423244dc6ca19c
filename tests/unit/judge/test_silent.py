"""A node that is connected and tells nothing is a finding of its own, as soon as it is no matter of time."""

from __future__ import annotations

from iamops.cli.status.table import print_table
from iamops.judge.rules import findings
from iamops.judge.rules.base import RuleInput
from iamops.judge.triage.diagnose import diagnose
from iamops.model.events import AddressesListed, LinkChanged, PortProbed, Source, SourceLost
from iamops.model.exit_code import ExitCode
from iamops.model.facts import Link, LinkState, ProbeOutcome, ProbeReport, Severity
from iamops.model.inspection import Inspection, NodeInspection
from iamops.model.state import ADDRESSES_MOST, ClusterState
from iamops.report.status import exit_code, status_document
from tests.support.cluster_states import NOW, fed, healthy
from tests.unit.judge.samples import state

NOLOGIN = "the login shell of iam-b printed 'This account is currently not available.' and ran nothing (exit 1)"
UP = Link(LinkState.UP, NOW)
OWN = (Source.ADDRESSES, Source.UNITS, Source.VRRP, Source.HOST, Source.SAFETY)


def connected(*reasons: str) -> ClusterState:
    """A fresh state in which only iam-b is connected, and each source of it failed for one of the reasons."""
    blank = ClusterState.of(healthy().profile)
    lost = [SourceLost(NOW + 1, "iam-b", s, r) for r in reasons for s in OWN]
    return fed(blank, [LinkChanged(NOW, "iam-b", UP), *lost])


def codes(state: ClusterState, at: float, *, final: bool = False) -> list[str]:
    return [finding.code for finding in findings(state, at, final=final)]


def test_a_slow_login_is_told_where_another_node_is_quicker():
    """Where both are slow it is this machine, or its way out."""

    def said(*took_s: float) -> list[str]:
        links = [Link(LinkState.UP, NOW, login_s=each) for each in took_s]
        logins = [LinkChanged(NOW, node, link) for node, link in zip(("iam-a", "iam-b"), links, strict=False)]
        return [f.title for f in findings(fed(healthy(), logins), NOW + 2) if f.code == "login-slow"]

    assert said(0.3, 5.2) == ["logging in to iam-b took 5.2 s"]
    assert said(4.1, 5.2) == said(0.1, 2.0) == []


def test_a_source_that_floods_is_told_for_a_minute():
    """A source that floods is begun again and again: that its values are there for a moment is no end."""
    flood = SourceLost(NOW, "iam-b", Source.JOURNAL, "journalctl said more than 2000 lines within 5 s", flood=True)
    assert codes(fed(healthy(), [flood]), NOW + 2) == ["node-floods"]
    assert "node-floods" not in codes(fed(healthy(NOW + 90), [flood]), NOW + 91)
    listed = AddressesListed(NOW, "iam-b", frozenset(f"fd00::{n:x}" for n in range(ADDRESSES_MOST + 1)))
    assert "node-floods" in codes(fed(healthy(), [listed]), NOW + 2)


def test_a_shell_that_runs_nothing_is_told_with_its_words():
    (found,) = (each for each in findings(connected(NOLOGIN), NOW + 2) if each.code == "node-silent")
    assert found.severity is Severity.CRITICAL
    assert NOLOGIN in found.title
    assert found.node == "iam-b"
    assert NOLOGIN in [each.value for each in found.evidence]


def test_a_node_that_has_just_been_connected_is_no_finding():
    assert "node-silent" not in codes(connected(), NOW + 5)
    assert "node-silent" in codes(connected(), NOW + 6.5)
    assert "node-silent" in codes(connected(), NOW + 3, final=True), "when the time is up nothing is left open"
    assert "node-silent" not in codes(healthy(), NOW + 2, final=True)


def test_a_forwarded_connection_is_not_the_node_telling_anything():
    forwarded = PortProbed(NOW + 2, "iam-b", 8081, ProbeReport(ProbeOutcome.OK))
    assert "node-silent" in codes(fed(connected(NOLOGIN), [forwarded]), NOW + 3)
    (found,) = findings(fed(connected(), [forwarded]), NOW + 2, final=True)[:1]
    assert found.title.endswith("tells nothing of itself: no answer for 2 s"), "a forwarded answer is not its own"


def test_a_node_that_falls_silent_is_told_and_a_console_that_slept_is_not():
    assert "node-silent" not in codes(healthy(), NOW + 60), "nothing was heard of anybody, and nothing has failed"
    black_hole = "no end of `systemctl show` within 5 s"
    lost = [SourceLost(NOW + 8, "iam-b", source, black_hole) for source in (Source.HOST, Source.UNITS)]
    assert "node-silent" not in codes(fed(healthy(), lost), NOW + 9)
    assert "node-silent" in codes(fed(healthy(), lost), NOW + 20)


def test_a_look_that_found_nothing_either_is_silence_and_one_that_did_is_none():
    for nodes, found in (
        ({"iam-b": NodeInspection.blind("iam-b", NOLOGIN)}, True),
        (dict(state().inspection.nodes), False),
    ):
        diagnosis = diagnose(RuleInput(connected(), Inspection(nodes)), NOW + 3)
        assert ("node-silent" in [each.code for each in diagnosis.findings]) is found


def test_status_tells_it_and_does_not_end_with_0(capsys):
    seen = connected(NOLOGIN)
    document = status_document(seen, findings(seen, NOW + 3, final=True), NOW + 3)
    assert exit_code(document) == ExitCode.UNREACHABLE
    print_table(document)
    assert "up, silent" in capsys.readouterr().out
    well = status_document(healthy(), findings(healthy(), NOW + 2, final=True), NOW + 2)
    assert exit_code(well) == ExitCode.OK


def test_a_node_that_is_still_connecting_when_the_time_is_up_cannot_be_seen():
    connecting = fed(healthy(), [LinkChanged(NOW + 1, "iam-b", Link(LinkState.CONNECTING))])
    assert "node-unreachable" not in codes(connecting, NOW + 2)
    assert codes(connecting, NOW + 2, final=True)[:1] == ["serving-unseen"]
