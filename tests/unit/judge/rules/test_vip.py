"""The VIP and VRRP, by the kernels, the daemons and a client."""

from __future__ import annotations

from iamops.judge.findings import Evidence, NotEvaluated
from iamops.judge.rules import findings
from iamops.judge.rules.base import RuleInput
from iamops.judge.rules.outside import unanswered_outside
from iamops.judge.rules.vip import client_dark, witnesses_disagree
from iamops.model.events import (
    AddressChanged,
    AddressesListed,
    ClientProbed,
    HostReported,
    Source,
    SourceLost,
    UnitReported,
    VrrpReported,
)
from iamops.model.facts import HostReport, ProbeOutcome, ProbeReport, Severity, UnitReport, VrrpReport, VrrpState
from iamops.model.state import client_views
from tests.support.cluster_states import NOW, OK, VIP, fed, healthy
from tests.support.finding_samples import REFUSED
from tests.support.looks import A, B
from tests.support.own_probes import own
from tests.support.rule_codes import codes

OK_ANSWER = ProbeReport(ProbeOutcome.OK, 3.5, 200)


def test_a_client_that_was_not_to_ask_again_yet_is_no_blind_one():
    state, view = healthy(), client_views(healthy().profile)[0]
    for every_s, age_s, blind in ((0.0, 4.0, False), (0.0, 6.0, True), (15.0, 19.0, False), (15.0, 21.0, True)):
        seen = fed(state, [ClientProbed(NOW, view, OK_ANSWER, every_s)])
        said = [each for each in client_dark.ask(RuleInput(seen), NOW + age_s) if isinstance(each, NotEvaluated)]
        assert bool(said) is blind, (every_s, age_s)


def test_two_owners_for_longer_than_a_move_is_a_split_brain():
    moved = AddressChanged(NOW + 0.5, "iam-b", VIP, present=True)
    mastered = VrrpReported(NOW + 0.5, "iam-b", "VI_1", VrrpReport(VrrpState.MASTER, "json"))
    heard = UnitReported(NOW + 1, "iam-a", "nginx", UnitReport("active"))
    assert codes(moved, mastered, heard, now=NOW + 1.0) == []
    assert codes(moved, mastered, heard, now=NOW + 2.0) == ["split-brain"]


def test_no_owner_is_only_said_when_every_node_was_seen():
    gone = AddressChanged(NOW + 1, "iam-a", VIP, present=False)
    backup = VrrpReported(NOW + 1, "iam-a", "VI_1", VrrpReport(VrrpState.FAULT, "json"))
    assert "vip-nowhere" in codes(gone, backup, now=NOW + 2)
    assert "vip-nowhere" not in codes(gone, backup, now=NOW + 1.5), "a planned move takes that long"
    blind = SourceLost(NOW + 1, "iam-b", Source.ADDRESSES, "ip: not found")
    assert "vip-nowhere" not in codes(gone, backup, blind)


def test_master_without_the_address_is_said():
    listed = AddressesListed(NOW, "iam-a", frozenset({"10.0.4.20"}))
    assert "master-without-address" in codes(listed)


def test_master_without_the_address_is_said_whatever_the_nodes_clock():
    listed = AddressesListed(NOW, "iam-a", frozenset({"10.0.4.20"}))
    for ahead_s in (-3600, 3600):
        master = VrrpReport(VrrpState.MASTER, "json", last_transition=NOW - 30 + ahead_s)
        off = HostReport(clock_offset_ms=ahead_s * 1000.0, clock_uncertainty_ms=1.0)
        said = codes(listed, VrrpReported(NOW, "iam-a", "VI_1", master), HostReported(NOW, "iam-a", off))
        assert "master-without-address" in said


def test_a_node_in_fault_is_said_though_the_vip_is_fine():
    fault = VrrpReported(NOW, "iam-b", "VI_1", VrrpReport(VrrpState.FAULT, "json"))
    assert codes(fault) == ["vrrp-fault"]


def test_an_address_without_a_daemon_is_said():
    stopped = UnitReported(NOW, "iam-a", "keepalived", UnitReport("inactive", "dead"))
    silent = SourceLost(NOW, "iam-a", Source.VRRP, "keepalived is inactive")
    assert "address-without-master" in codes(stopped, silent)


def test_a_second_owner_that_is_no_master_hears_its_peer_and_has_an_address_too_many():
    """Nobody is sent to look for a firewall: the address is what is left there."""
    second = AddressChanged(NOW, "iam-b", VIP, present=True)
    stopped = UnitReported(NOW, "iam-b", "keepalived", UnitReport("failed", "failed", exits="killed by KILL"))
    for events, state, step in (
        ((second,), "BACKUP", "look: ip addr on iam-b"),
        ((second, stopped, SourceLost(NOW, "iam-b", Source.VRRP, "it is failed")), "stopped", "iamops start"),
    ):
        told = {each.code: each for each in findings(fed(healthy(), events), NOW + 2)}
        for code in ("split-brain", "address-without-master"):
            assert f"keepalived is {state} on iam-b: {VIP} was left behind there" in told[code].cause
            assert told[code].next.startswith(step)


def test_a_daemon_that_was_not_heard_yet_contradicts_nobody():
    assert "address-without-master" not in codes(SourceLost(NOW, "iam-a", Source.VRRP, "not observed yet"))


def test_a_client_in_the_dark_is_critical():
    dark = ClientProbed(NOW + 1, "VI_1", ProbeReport(ProbeOutcome.TIMEOUT, detail="no answer within 1 s"))
    state = fed(healthy(), [dark])
    (finding,) = findings(state, NOW + 2)
    assert finding.code == "client-dark"
    assert finding.severity is Severity.CRITICAL
    evidence, owner = finding.evidence
    assert (owner.node, owner.value) == ("iam-a", f"VIP {VIP} is on iam-a")
    assert evidence == Evidence("timeout: no answer within 1 s", "HTTP from this machine", None, 1.0)


API = "iam-apiserver"


def test_a_client_that_was_asked_before_the_vip_came_is_no_witness_against_its_owner():
    moved = [AddressChanged(NOW + 4, A, VIP, present=False), AddressChanged(NOW + 4, B, VIP, present=True)]

    def dark(at: float) -> list[str]:
        client = ClientProbed(at, "VI_1", REFUSED)
        heard = UnitReported(NOW + 9, A, "nginx", UnitReport("active"))
        view = RuleInput(fed(healthy(), [*moved, client, heard, own(NOW + 9, OK)]))
        return [each.code for each in unanswered_outside.ask(view, NOW + 9) if not isinstance(each, NotEvaluated)]

    assert dark(NOW + 3.9) == dark(NOW + 5) == []
    assert dark(NOW + 8) == ["dark-outside"]


CLOCK = HostReported(NOW, A, HostReport(0.1, 20.0, 30.0, 5.0, 1.0))
TOMORROW = NOW + 86_400


def test_a_master_whose_last_change_lies_ahead_is_not_excused_for_it():
    master = VrrpReport(VrrpState.MASTER, "json", last_transition=TOMORROW)
    events = [CLOCK, AddressChanged(NOW - 5, A, VIP, present=False), VrrpReported(NOW, A, "VI_1", master)]
    answers = witnesses_disagree.ask(RuleInput(fed(healthy(), events)), NOW + 1)
    assert "master-without-address" in {each.code for each in answers if not isinstance(each, NotEvaluated)}
