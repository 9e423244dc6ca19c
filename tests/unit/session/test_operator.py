"""What an operator is shown and may do with a profile that has changed on disk, and after a run; what is asked for
while an action runs: every VIP and every service that it may touch.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from iamops.model.events import AddressesListed, ClientProbed, HttpProbed, SafetyReported, Target
from iamops.model.facts import LockHolder, ProbeOutcome, ProbeReport, SafetyReport
from iamops.model.state import ClusterState
from iamops.nodes.probes.gap import Lane
from iamops.plan.action import Action, ConfigPush, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.config.change import NodeFilesChange
from iamops.render.nodefiles import ALIVE_HOST
from iamops.session.cluster import Cluster
from iamops.session.operator import Operator, ProfileChanged, _lanes, meter_for
from iamops.session.profiles import load_profile
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.handovers import active_active
from tests.support.profile_file import edit
from tests.support.profiles import pair

API, AUTHZ = "iam.api.marmotedu.com", "iam.authz.marmotedu.com"
DARK = ProbeReport(ProbeOutcome.TIMEOUT, detail="no answer")
PUSH = ConfigPush(
    "20261124T120000Z-abcdef", ("config", "push"), {node: NodeFilesChange(node) for node in ("iam-a", "iam-b")}
)


def operator(path: Path, tmp_path: Path) -> Operator:
    profile = load_profile(str(path))
    # Its own name leads to the shipped profile, as IAMOPS_PROFILE=PATH does not.
    return Operator(
        Cluster(profile), profile_name=profile.name, ledger=tmp_path / "audit.jsonl", profile_file=path
    )


async def test_a_stale_profile_is_not_pushed_and_no_plan_of_a_push_is_offered(profile_file: Path, tmp_path: Path):
    acting = operator(profile_file, tmp_path)
    edit(profile_file)
    with pytest.raises(ProfileChanged, match=r"mine\.yaml was edited on disk: start iamops again"):
        await acting.push_action()
    _, denied = acting.consider(acting.order(PUSH))
    assert "profile-changed" in [denial.code for denial in denied]
    _, denied = acting.consider(acting.order(Switchover()))
    assert "profile-changed" not in [denial.code for denial in denied]


async def test_the_config_view_says_that_it_compares_with_an_older_profile(profile_file: Path, tmp_path: Path):
    acting = operator(profile_file, tmp_path)
    edit(profile_file)
    assert "start iamops again" in (await acting.config()).problem


async def test_when_a_run_is_over_its_lock_is_looked_for_until_it_is_gone(
    profile_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("iamops.session.operator.FREE_LOOK_S", 0.0)
    acting = operator(profile_file, tmp_path)
    cluster = acting._cluster
    order = acting.order(Switchover())
    held = SafetyReport((), LockHolder("alice@laptop", "10.0.4.10", NOW, "switchover", order.run))
    answers = [held, held, replace(held, lock=None)]

    def look() -> None:
        cluster.store.apply(SafetyReported(cluster.now(), "iam-a", answers.pop(0)))

    monkeypatch.setattr(cluster, "refresh_locks", look)
    await acting.run(order, lambda report: None)
    assert acting._seeing_free is not None
    await acting._seeing_free
    assert answers == []


def lanes(action: Action, state: ClusterState | None = None) -> tuple[Lane, ...]:
    state = state or healthy()
    return tuple(_lanes(plan_for(action, state, NOW), state, NOW))


def asked(found: tuple[Lane, ...]) -> list[tuple[str, float]]:
    return [(lane.target.host, round(lane.every_s, 3)) for lane in found]


@pytest.mark.parametrize(("unit", "domain"), [("iam-apiserver", API), ("iam-authz-server", AUTHZ)])
def test_a_restart_is_measured_at_the_domain_of_its_own_service(unit: str, domain: str):
    assert asked(lanes(RollingRestart(unit))) == [(domain, 0.01)]
    assert asked(lanes(ServiceAction(UnitVerb.STOP, unit, "iam-a"))) == [(domain, 0.01)]


def test_what_has_no_domain_of_its_own_is_measured_at_every_domain():
    assert asked(lanes(ServiceAction(UnitVerb.RESTART, "iam-pump", "iam-a"))) == [(API, 0.02), (AUTHZ, 0.02)]


def test_a_move_is_measured_at_nginx_itself_and_now_and_then_at_every_service():
    found = lanes(Switchover())
    assert asked(found) == [(ALIVE_HOST, 0.01), (API, 0.2), (AUTHZ, 0.2)]
    assert [lane.any_answer for lane in found] == [True, False, False]
    assert {lane.target.address for lane in found} == {pair().instance.address}


def test_what_is_not_answered_now_cannot_be_lost():
    state = fed(healthy(), [HttpProbed(NOW, "iam-a", "iam-a", Target.DOMAIN, AUTHZ, DARK)])
    assert asked(lanes(Switchover(), state)) == [(ALIVE_HOST, 0.01), (API, 0.2)]
    dark = fed(healthy(), [ClientProbed(NOW, name, DARK) for name in pair().vrrp])
    assert meter_for(plan_for(Switchover(), dark, NOW), dark, lambda: NOW) is None


def test_every_vip_that_moves_is_measured():
    numbers = {"VI_1": 99, "VI_2": 98}
    vrrp = {name: {"virtual_router_id": n, "vip": f"10.0.4.{n}"} for name, n in numbers.items()}
    both = AddressesListed(NOW, "iam-a", frozenset({"10.0.4.20", "10.0.4.99", "10.0.4.98"}))
    found = lanes(Switchover(), fed(healthy(profile=pair(vrrp=vrrp)), [both]))
    assert [lane.target.address for lane in found if lane.any_answer] == ["10.0.4.99", "10.0.4.98"]
    assert sorted({(lane.target.address, lane.target.host) for lane in found if not lane.any_answer}) == [
        ("10.0.4.98", API),
        ("10.0.4.98", AUTHZ),
        ("10.0.4.99", API),
        ("10.0.4.99", AUTHZ),
    ]


@pytest.mark.parametrize(
    "action",
    [
        ServiceAction(UnitVerb.RESTART, "nginx", "iam-b"),
        ServiceAction(UnitVerb.RELOAD, "nginx", "iam-b"),
        ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-b"),
        RollingRestart("nginx"),
        RollingRestart("keepalived"),
    ],
    ids=lambda action: action.sentence,
)
def test_a_vip_that_does_not_move_is_measured_where_it_is(action: Action):
    assert {lane.target.address for lane in lanes(action, active_active())} == {"10.0.4.98", "10.0.4.99"}


def test_a_vip_at_which_no_client_is_answered_is_named_as_not_measured():
    state = fed(active_active(), [ClientProbed(NOW, "VI_2", DARK)])
    restart = ServiceAction(UnitVerb.RESTART, "nginx", "iam-b")
    assert {lane.target.address for lane in lanes(restart, state)} == {"10.0.4.99"}
    note = "no client is answered at VIP 10.0.4.98 now (no answer), so a loss there is not measured"
    assert note in plan_for(restart, state, NOW).notes


def test_where_nothing_is_published_whatever_answers_at_the_vip_is_measured():
    profile = pair(services={"iam-pump": {"port": 7070}})
    (lane,) = lanes(ServiceAction(UnitVerb.RESTART, "iam-pump", "iam-a"), healthy(profile=profile))
    assert (lane.target.host, lane.target.path, lane.every_s) == (profile.instance.address, "/", 0.01)
