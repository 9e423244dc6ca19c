"""What was not observed yet is blind, never a finding: each value is unset in turn, and comes in any order."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import fields, replace

from iamops.judge.findings import Finding
from iamops.judge.rules import findings
from iamops.judge.rules.base import RuleInput
from iamops.judge.triage.diagnose import diagnose
from iamops.model.events import ClientProbed, LinkChanged
from iamops.model.facts import HostReport
from iamops.model.inspection import NodeInspection
from iamops.model.observed import Known, Observed, Unknown
from iamops.model.state import ClusterState
from tests.support.cluster_states import NOW, OK, fed, healthy, seen_on
from tests.support.looks import LATER, A, B, node_look, traffic_look, view
from tests.support.observed_values import PROFILE, base, get, observed, put, untold

ORDERS = 12


def told(state: ClusterState, now: float = NOW + 2) -> list[str]:
    return [f"{each.code}: {each.title}" for each in findings(state, now)]


def test_every_observed_value_unset_in_turn_is_no_finding() -> None:
    whole = base()
    assert told(whole) == []
    for path in observed(whole):
        assert told(put(whole, path, Unknown())) == [], path
    for path, field in untold(whole):
        known = get(whole, path)
        unset = Known(replace(known.value, **{field: None}), known.at)
        assert told(put(whole, path, unset)) == [], (path, field)


def test_every_value_that_is_the_first_to_be_observed_is_no_finding() -> None:
    """At the start of a console on a busy machine: the nodes are heard, and one thing is known."""
    whole = base()
    links = (LinkChanged(NOW, name, node.link) for name, node in whole.nodes.items())
    start = fed(ClusterState.of(PROFILE), links)
    assert told(start) == []
    for path in observed(whole):
        assert told(put(start, path, get(whole, path))) == [], path


def test_whatever_comes_in_first_no_picture_on_the_way_has_a_finding() -> None:
    """Healthy all along: so nothing that is said on the way is so."""
    chance = random.Random(17)
    events = [
        *(event for n, name in enumerate(PROFILE.nodes) for event in seen_on(PROFILE, name, NOW, owner=n == 0)),
        *(ClientProbed(NOW, name, OK) for name in PROFILE.vrrp),
    ]
    for _ in range(ORDERS):
        chance.shuffle(events)
        state = ClusterState.of(PROFILE)
        for number, event in enumerate(events):
            state = fed(state, [event])
            assert told(state) == [], (event, events[:number])


def test_a_machine_that_tells_nothing_of_itself_is_no_finding() -> None:
    whole = put(base(), ("nodes", A, "host"), Known(HostReport(), NOW))
    assert told(whole) == []


def test_every_value_of_a_deep_look_unset_in_turn_is_no_finding() -> None:
    assert found(view()) == []
    for name, look in ((A, node_look(A)), (B, node_look(B))):
        for part in observed_parts(look):
            unset = replace(look, **{part: Unknown("not read")})
            assert found(view(**{"a" if name == A else "b": unset})) == [], (name, part)
        traffic = {A: traffic_look(), B: traffic_look()} | {name: Unknown("not read")}
        assert found(view(traffic=traffic)) == []
    assert found(view(neighbours=Unknown("not read"))) == []


def test_every_value_of_the_state_unset_under_a_deep_look_is_no_finding() -> None:
    whole = healthy()
    for path in observed(whole):
        assert found(view(put(whole, path, Unknown()))) == [], path


def observed_parts(look: NodeInspection) -> Iterator[str]:
    for field in fields(look):
        value: Observed[object] | object = getattr(look, field.name)
        if isinstance(value, Known | Unknown):
            yield field.name


def found(at: RuleInput) -> list[str]:
    every = [each for each in diagnose(at, LATER).findings if isinstance(each, Finding)]
    return [f"{each.code}: {each.title}" for each in every]
