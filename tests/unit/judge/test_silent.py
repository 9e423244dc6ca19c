"""A node that is connected and tells nothing is a finding of its own, as soon as it is no matter of time."""

from __future__ import annotations

from console.cli.status_document import silent, status_document
from console.cli.status_table import print_table
from console.judge.diagnose import diagnose
from console.judge.rules import findings
from console.judge.rules.view import View
from console.model.events import LinkChanged, PortProbed, Source, SourceLost
from console.model.facts import Link, LinkState, ProbeOutcome, ProbeReport, Severity
from console.model.look import ClusterLook, NodeLook
from console.model.state import ClusterState
from tests.scenes import NOW, fed, healthy
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
    for nodes, found in (({"iam-b": NodeLook.blind("iam-b", NOLOGIN)}, True), (dict(state().look.nodes), False)):
        diagnosis = diagnose(View(connected(), ClusterLook(nodes)), NOW + 3)
        assert ("node-silent" in [each.code for each in diagnosis.findings]) is found


def test_status_tells_it_and_does_not_end_with_0(capsys):
    seen = connected(NOLOGIN)
    document = status_document(seen, findings(seen, NOW + 3, final=True), NOW + 3)
    assert silent(document)
    print_table(document)
    assert "up, silent" in capsys.readouterr().out
    well = status_document(healthy(), findings(healthy(), NOW + 2, final=True), NOW + 2)
    assert not silent(well)
