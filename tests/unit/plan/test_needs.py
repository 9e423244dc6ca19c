"""What a plan says of needs: who falls, what waits, and what does not come up again."""

from __future__ import annotations

from typing import Any

import pytest

from iamops.model.events import DatastoreProbed, Event, PortProbed
from iamops.model.facts import ProbeOutcome, ProbeReport
from iamops.model.profile import Profile
from iamops.plan.action import Action, RollingRestart, ServiceAction, UnitVerb
from iamops.plan.build import plan_for
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.profiles import pair

DOWN = ProbeReport(ProbeOutcome.REFUSED, detail="connection refused")


def stores_with_units() -> Profile:
    units = {"mariadb": "mariadb", "redis": "redis-server", "mongodb": "mongod"}
    return pair(datastores={name: {"node": "iam-a", "unit": unit} for name, unit in units.items()})


def notes(action: Action, *events: Event, **changes: Any) -> tuple[str, ...]:
    state = fed(healthy(profile=changes.pop("profile", None)), events)
    return plan_for(action, state, NOW + 1).notes


def stop(unit: str, node: str = "iam-a") -> ServiceAction:
    return ServiceAction(UnitVerb.STOP, unit, node)


def test_stopping_the_apiserver_names_the_authz_server_of_its_node():
    falls = "iam-authz-server on iam-b needs iam-apiserver:8081 and stops deciding for new secrets"
    assert notes(stop("iam-apiserver", "iam-b")) == (falls,)


def test_a_rolling_restart_names_every_node_once():
    falls = "iam-authz-server on iam-b and iam-a needs iam-apiserver:8081 and stops deciding for new secrets"
    assert notes(RollingRestart("iam-apiserver")) == (f"{falls} until it is back",)


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        (
            "mariadb",
            ["iam-apiserver on iam-a and iam-b needs mariadb and answers 5xx and does not start again"],
        ),
        (
            "redis-server",
            [
                "iam-apiserver on iam-a and iam-b needs redis and runs on but does not start again",
                "iam-authz-server on iam-a and iam-b needs redis and hears of no policy change and keeps no "
                "audit record",
                "iam-pump on iam-a and iam-b needs redis and is idle: no audit record is stored",
            ],
        ),
        ("mongod", ["iam-pump on iam-a and iam-b needs mongodb and is idle: no audit record is stored"]),
    ],
)
def test_stopping_a_datastore_names_all_that_need_it_everywhere(unit: str, said: list[str]):
    assert notes(stop(unit), profile=stores_with_units()) == tuple(said)


def test_who_falls_by_way_of_another_is_named_too():
    services = {"db-proxy": {"port": 1}, "front": {"port": 2, "needs": ["middle"]}}
    profile = pair(services={**services, "middle": {"port": 3, "needs": ["db-proxy"]}})
    said = notes(stop("db-proxy", "iam-b"), profile=profile)
    assert said == (
        "middle on iam-b needs db-proxy and does not work without it",
        "front on iam-b needs middle and does not work without it",
    )


def test_who_falls_by_way_of_another_falls_on_every_node_of_that_one():
    services = {"mid": {"port": 1, "needs": ["redis"]}, "top": {"port": 2, "needs": ["mid"]}}
    profile = pair(services=services, datastores={"redis": {"node": "iam-a", "unit": "redis"}})
    assert notes(stop("redis"), profile=profile) == (
        "mid on iam-a and iam-b needs redis and does not work without it",
        "top on iam-a and iam-b needs mid and does not work without it",
    )


def test_what_starts_and_will_be_idle_is_said():
    down = DatastoreProbed(NOW, "iam-b", "mongodb", DOWN)
    said = notes(ServiceAction(UnitVerb.RESTART, "iam-pump", "iam-b"), down)
    assert said == ("iam-pump comes up on iam-b and is idle: mongodb does not answer iam-b: connection refused",)


def test_a_stop_says_when_nothing_would_bring_it_back():
    said = notes(stop("iam-authz-server", "iam-b"), PortProbed(NOW, "iam-b", 8081, DOWN))
    (only,) = (note for note in said if "come up again" in note)
    assert only == (
        "once stopped it does not come up again on iam-b: iam-authz-server needs iam-apiserver:8081, "
        "and port 8081 does not answer on iam-b: connection refused"
    )


def test_nothing_is_said_where_nothing_is_needed():
    assert not any("need" in note for note in notes(ServiceAction(UnitVerb.RESTART, "nginx", "iam-b")))
    assert notes(ServiceAction(UnitVerb.START, "iam-pump", "iam-b")) == ()
