"""The datastores, as each node is greeted by them."""

from __future__ import annotations

from iamops.model.events import DatastoreProbed
from iamops.model.facts import ProbeOutcome, ProbeReport
from tests.support.cluster_states import NOW
from tests.support.rule_codes import codes


def test_a_missing_grant_is_told_from_a_dead_database():
    denied = ProbeReport(ProbeOutcome.HOST_NOT_ALLOWED, detail="error 1130: Host ... is not allowed")
    assert codes(DatastoreProbed(NOW, "iam-b", "mariadb", denied)) == ["datastore-host-not-allowed"]
    refused = ProbeReport(ProbeOutcome.REFUSED)
    assert codes(DatastoreProbed(NOW, "iam-b", "mariadb", refused)) == ["datastore-down"]
