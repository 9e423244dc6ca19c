"""The way from a client to the VIP: whose hardware address it has, and an owner that only serves itself."""

from __future__ import annotations

from iamops.judge.findings import Finding
from iamops.judge.triage.diagnose import diagnose
from iamops.model.events import ClientProbed
from iamops.model.facts import ProbeOutcome, ProbeReport
from iamops.model.observed import Known
from tests.support.cluster_states import NOW, VIP, fed, healthy
from tests.support.looks import LATER, MACS, B, asked, blind, found, view


def test_the_clients_neighbour_entry_is_compared_with_the_owners_hardware():
    assert found(asked("stale-arp", view())) == []
    wrong = view(neighbours=Known({VIP: MACS[B]}, NOW))
    (finding,) = [each for each in asked("stale-arp", wrong) if isinstance(each, Finding)]
    assert B in finding.title
    assert finding.evidence[0].value == f"{VIP} is at {MACS[B]}"


def test_behind_a_router_the_neighbour_entry_cannot_be_told():
    (answer,) = blind(asked("stale-arp", view(neighbours=Known({"10.0.4.1": MACS[B]}, NOW))))
    assert "a router stands between" in answer.because


def test_an_owner_that_serves_and_a_client_in_the_dark():
    dark = ClientProbed(NOW + 1, "VI_1", ProbeReport(ProbeOutcome.TIMEOUT, detail="no answer within 1 s"))
    (root,) = diagnose(view(fed(healthy(), [dark])), LATER).findings
    assert root.code == "dark-outside"
    assert [each.code for each in root.explains] == ["client-dark"]
