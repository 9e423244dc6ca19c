"""The deep look of a running session."""

from __future__ import annotations

from iamops.session.cluster import Cluster
from tests.support.profiles import pair

NOW = 1_795_442_000.0


async def test_with_no_node_connected_everything_is_blind_and_nothing_is_well() -> None:
    profile = pair(network_namespace=None)
    diagnosis = await Cluster(profile, clock=lambda: NOW).examine()
    blind = {each.code for each in diagnosis.not_evaluated}
    assert {"split-brain", "nginx-hung", "config-drift"} <= blind
    assert not blind & set(diagnosis.checked)
