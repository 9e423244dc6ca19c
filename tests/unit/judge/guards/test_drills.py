"""Guards on drills, and on what hangs on keepalived's check as a drill does."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from iamops.judge.drill.evidence import step_run
from iamops.judge.guards.guards import denials
from iamops.judge.run import Stage, StepReport
from iamops.model.drill import resolved_steps
from iamops.model.events import Event, FilesExamined, HttpProbed, Target
from iamops.model.facts import ProbeOutcome, ProbeReport
from iamops.model.observed import Known
from iamops.model.profile import Profile
from iamops.model.running import LiveCheck, LiveVrrp, UpstreamServer
from iamops.parse.drill.loader import parse_drill
from iamops.plan.action import Action, DrillAction, RollingRestart, ServiceAction, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.denial import Denial, GuardContext, without_looks
from iamops.plan.steps import Plan
from iamops.plan.through_nginx import OthersServe, TakenBack
from iamops.session.drills.files import load_drill
from tests.support.cluster_states import NOW, fed, files, healthy, silent
from tests.support.profiles import FENCING, pair

PROFILE = pair()
STOP_A = ServiceAction(UnitVerb.STOP, "nginx", "iam-a")
CHECK = LiveCheck("check_nginx", 2.0, 3.0, 2, 2)


def told(node: str, *checks: LiveCheck, nopreempt: bool = False) -> FilesExamined:
    of_profile = LiveVrrp.of_profile(PROFILE.instance, PROFILE.nodes[node])
    live = replace(of_profile, checks=checks, nopreempt=nopreempt, assumed=False)
    return FilesExamined(NOW, node, replace(files(PROFILE, node), live={"VI_1": live}), "")


def denied(action: Action, *seen: FilesExamined) -> list[Denial]:
    state = fed(healthy(), seen)
    said = denials(GuardContext(plan_for(action, state, NOW + 1), state, NOW + 1))
    return [each for each in said if each.code == "check-weighs"]


def pair_with(weight: int, *, nopreempt: bool = False) -> list[FilesExamined]:
    check = replace(CHECK, weight=weight)
    return [told(node, check, nopreempt=nopreempt) for node in PROFILE.nodes]


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (pair_with(-20), "at priority 80 iam-a is still not below the 50 of iam-b"),
        (pair_with(-60, nopreempt=True), "with nopreempt iam-b does not take the VIP from a living owner"),
        ([told("iam-a", nopreempt=True), told("iam-b", nopreempt=True)], "keepalived on iam-a tracks no check"),
    ],
    ids=["weight", "nopreempt", "no-check"],
)
def test_the_vip_would_stay_where_nobody_answers(seen: list[FilesExamined], why: str):
    (denial,) = denied(STOP_A, *seen)
    assert (denial.node, denial.overridable) == ("iam-a", True)
    assert denial.reason.startswith("VIP 10.0.4.99 would stay on iam-a, where nobody answers: ")
    assert why in denial.reason


@pytest.mark.parametrize(
    "seen",
    [pair_with(0, nopreempt=True), pair_with(-60), [silent(PROFILE, "iam-a"), silent(PROFILE, "iam-b")]],
    ids=["fault", "falls", "untold"],
)
def test_where_a_failing_check_moves_it_or_nobody_knows_it_is_not_in_the_way(seen: list[FilesExamined]):
    assert denied(STOP_A, *seen) == []


@pytest.mark.parametrize(
    "action",
    [
        ServiceAction(UnitVerb.STOP, "nginx", "iam-b"),
        ServiceAction(UnitVerb.RESTART, "nginx", "iam-a"),
        ServiceAction(UnitVerb.STOP, "keepalived", "iam-a"),
        RollingRestart("nginx"),
    ],
    ids=lambda action: action.sentence,
)
def test_what_does_not_wait_for_the_check_is_not_asked(action: Action):
    assert denied(action, *pair_with(-20)) == []


DISK, NGINX = LiveCheck("chk_disk", 5.0, 3.0, 1, 2), LiveCheck("chk_nginx", 5.0, 3.0, 1, 2, weight=-10)


def test_which_of_several_checks_asks_nginx_is_not_known():
    (denial,) = denied(STOP_A, told("iam-a", DISK, NGINX), told("iam-b", DISK, NGINX))
    assert (denial.node, denial.overridable) == ("iam-a", True)
    assert denial.reason.startswith(
        "whether VIP 10.0.4.99 would leave iam-a, where nobody answers, is not known: "
    )
    assert "which of chk_disk and chk_nginx on iam-a asks nginx is not known, and chk_nginx has weight -10" in (
        denial.reason
    )
    assert "at priority 90 iam-a is still not below the 50 of iam-b" in denial.reason


@pytest.mark.parametrize("nginx", [replace(NGINX, weight=0), replace(NGINX, weight=-60)], ids=["fault", "falls"])
def test_where_each_of_them_would_move_it_nothing_is_in_the_way(nginx: LiveCheck):
    assert denied(STOP_A, told("iam-a", DISK, nginx), told("iam-b", DISK, nginx)) == []


def test_two_weights_that_are_enough_only_together_leave_it_open():
    half = [replace(NGINX, name=name, weight=-30) for name in ("one", "two")]
    (denial,) = denied(STOP_A, told("iam-a", *half), told("iam-b", *half))
    assert denial.reason.startswith("whether VIP 10.0.4.99 would leave iam-a")
    assert "at priority 70 iam-a is still not below the 50 of iam-b" in denial.reason


def test_a_weight_beside_a_standby_that_does_not_tell_leaves_it_open():
    (denial,) = denied(STOP_A, told("iam-a", NGINX), silent(PROFILE, "iam-b"))
    assert denial.reason.startswith(
        "whether VIP 10.0.4.99 would leave iam-a, where nobody answers, is not known: "
    )


HEAD = "name: each\ntitle: t\nabout: a\nsteady_state: [one-owner]\nmax_duration: 120 s\nmethod:\n"
BAD = ProbeReport(ProbeOutcome.REFUSED, detail="connection refused")
B_IS_DOWN = HttpProbed(NOW, "iam-b", "iam-b", Target.SERVICE, "iam-apiserver", BAD)


def drill(*moves: str, profile: Profile | None = None) -> DrillAction:
    """Each move is `verb unit node`, or `verb - node` for a machine."""
    words = [move.split() for move in moves]
    steps = "".join(
        f"  - {verb}: {node}\n" if unit == "-" else f"  - {verb}: {unit}\n    node: {node}\n"
        for verb, unit, node in words
    )
    profile = profile or pair()
    return DrillAction(parse_drill(HEAD + steps, "x", profile.all_units, profile.nodes))


def drill_denied(action: DrillAction, *events: Event) -> list[tuple[str, str | None]]:
    state = fed(healthy(), events)
    said = denials(GuardContext(plan_for(action, state, NOW + 1), state, NOW + 1))
    return [(denial.code, denial.node) for denial in said]


DRILL_STOPS_A = drill("stop iam-apiserver iam-a", "start iam-apiserver iam-a")
HANG_A = drill("hang iam-apiserver iam-a", "wake iam-apiserver iam-a")


@pytest.mark.parametrize("action", [DRILL_STOPS_A, HANG_A])
def test_a_drill_may_not_take_the_last_backend(action: DrillAction):
    assert drill_denied(action) == []
    assert ("last-backend", "iam-a") in drill_denied(action, B_IS_DOWN)


def test_a_drill_may_not_take_both_one_after_the_other():
    both = drill(
        "stop iam-apiserver iam-a",
        "stop iam-apiserver iam-b",
        "start iam-apiserver iam-a",
        "start iam-apiserver iam-b",
    )
    assert ("last-backend", "iam-b") in drill_denied(both)
    turns = drill("stop iam-pump iam-a", "start iam-pump iam-a", "stop iam-pump iam-b", "start iam-pump iam-b")
    assert drill_denied(turns) == []


def test_the_built_in_loss_of_one_of_two_backends_stays_allowed():
    assert drill_denied(DrillAction(load_drill("backend-loss"))) == []


STORES = pair(
    datastores={
        "mariadb": {"node": "iam-a", "unit": "mariadb"},
        "redis": {"node": "iam-b", "unit": "redis-server"},
    },
    fencing=FENCING,
)


def spof(*moves: str) -> tuple[Plan, list[tuple[str | None, str]]]:
    state = healthy(NOW, STORES)
    plan = plan_for(drill(*moves, profile=STORES), state, NOW + 1)
    said = denials(GuardContext(plan, state, NOW + 1))
    return plan, [(each.node, each.reason) for each in said if each.code == "datastore-spof"]


@pytest.mark.parametrize("verbs", [("stop", "start"), ("hang", "wake"), ("restart", "watch"), ("freeze", "thaw")])
def test_a_drill_may_not_take_away_a_datastore_that_no_other_node_has(verbs: tuple[str, str]):
    takes, gives = verbs
    unit = "mariadb iam-a" if takes != "freeze" else ""
    back = f"{gives} {unit}" if gives != "watch" else "restart nginx iam-b"
    moves = (f"{takes} {unit}", back) if unit else ("freeze - iam-a", "thaw - iam-a")
    plan, said = spof(*moves)
    assert said == [("iam-a", "iam-a is the only node with mariadb: without it no IAM service works")]
    assert "mariadb on iam-a has no other node: all of IAM is down until it is back" in plan.prediction


def test_the_datastore_of_a_standby_is_found_on_its_own_node():
    _, said = spof("stop redis-server standby", "start redis-server standby")
    assert [node for node, _ in said] == ["iam-b"]
    _, both = spof("restart redis-server iam-b", "hang mariadb owner", "wake mariadb owner")
    assert [node for node, _ in both] == ["iam-b", "iam-a"]


def test_a_drill_that_only_brings_a_datastore_back_takes_none_away():
    assert spof("start mariadb iam-a")[1] == []
    assert spof("stop iam-pump iam-a", "start iam-pump iam-a")[1] == []


def test_a_rolling_restart_names_every_node_whose_datastore_goes():
    twice = pair(
        datastores={n: {"node": f"iam-{n}", "kind": "redis", "port": 6379, "unit": "redis"} for n in "ab"}
    )
    state = healthy(NOW, twice)
    said = denials(GuardContext(plan_for(RollingRestart("redis"), state, NOW + 1), state, NOW + 1))
    assert sorted(each.node or "" for each in said if each.code == "datastore-spof") == ["iam-a", "iam-b"]


def test_what_hangs_is_away_as_what_is_stopped():
    plan, _ = spof("hang mariadb iam-a", "wake mariadb iam-a")
    hung = "iam-apiserver on iam-a and iam-b needs mariadb and answers 5xx and does not start again"
    assert f"{hung} while mariadb hangs" in plan.notes
    assert not any("once stopped" in note for note in plan.notes), "it goes on where it was"
    needy = drill("hang mariadb iam-a", "restart iam-apiserver iam-a", "wake mariadb iam-a", profile=STORES)
    state = healthy(NOW, STORES)
    reasons = [each.reason for each in denials(GuardContext(plan_for(needy, state, NOW + 1), state, NOW + 1))]
    assert any("this plan stops mariadb on iam-a first" in each for each in reasons)
    woken = drill("hang mariadb iam-a", "wake mariadb iam-a", "restart iam-apiserver iam-a", profile=STORES)
    assert not any(
        each.code == "dependency-down"
        for each in denials(GuardContext(plan_for(woken, state, NOW + 1), state, NOW + 1))
    )


def test_a_backend_that_falls_with_what_hangs_is_kept():
    assert drill_denied(HANG_A) == []
    bad = HttpProbed(NOW, "iam-b", "iam-b", Target.SERVICE, "iam-authz-server", BAD)
    assert ("last-backend", "iam-a") in drill_denied(HANG_A, bad)


def weighed(action: DrillAction, weight: int, *, nopreempt: bool) -> list[Denial]:
    """What speaks against the drill where both nodes' checks have the weight."""
    profile, state = pair(), healthy()
    found = {node: LiveVrrp.of_profile(profile.instance, profile.nodes[node]) for node in profile.nodes}
    live = {
        node: replace(
            each,
            nopreempt=nopreempt,
            assumed=False,
            checks=tuple(replace(check, weight=weight) for check in each.checks or ()),
        )
        for node, each in found.items()
    }
    case = GuardContext(plan_for(replace(action, live=live), state, NOW + 1), state, NOW + 1)
    return [each for each in denials(case) if each.code == "check-weighs"]


@pytest.mark.parametrize("name", ["nginx-stop", "nginx-hang", "nginx-recover", "seed"])
def test_a_drill_that_waits_for_a_fault_needs_a_check_that_makes_one(name: str):
    action = DrillAction(load_drill(name))
    assert weighed(action, 0, nopreempt=True) == []
    found = weighed(action, -60, nopreempt=False)
    assert found
    assert all(each.overridable for each in found)
    assert re.search(r"waits for FAULT on (iam-[ab]), but check has weight -60 on \1: it", found[0].reason)


@pytest.mark.parametrize("name", ["keepalived-stop", "backend-loss", "reload", "switchover"])
def test_other_drills_do_not_ask_what_a_check_weighs(name: str):
    assert weighed(DrillAction(load_drill(name)), -60, nopreempt=True) == []


def test_a_move_by_priority_is_allowed_where_the_pair_makes_it():
    text = (
        f"{HEAD}  - stop: nginx\n    node: owner\n    expect:\n"
        "      - {vip: standby, within: check.fault + vrrp.timeout}\n"
        "restore:\n  - start: nginx\n    node: standby\n"
    )
    action = DrillAction(parse_drill(text, "x", pair().all_units, pair().nodes))
    assert weighed(action, -60, nopreempt=False) == []
    (denial,) = weighed(action, -60, nopreempt=True)
    assert "waits for the VIP to leave iam-a, but" in denial.reason
    (denial,) = weighed(action, -40, nopreempt=False)
    assert "at priority 60 iam-a is still not below the 50 of iam-b" in denial.reason


def test_a_restart_on_each_node_asks_every_nginx_before_and_after_each():
    plan = plan_for(drill("restart iam-apiserver each"), healthy(), NOW + 1)
    looks = [
        type(each).__name__
        for step in plan.steps
        for each in step.expect
        if isinstance(each, (OthersServe, TakenBack)) and each.service == "iam-apiserver"
    ]
    assert looks == [*["OthersServe"] * 2, *["TakenBack"] * 2] * 2


def test_a_stop_asks_first_and_a_start_waits_and_neither_look_is_measured():
    plan = plan_for(DRILL_STOPS_A, healthy(), NOW + 1)
    kinds = [str(step.kind) for step in plan.steps if step.kind in ("look", "do")]
    assert kinds == ["look", "do", "do", "look", "look"]
    steps = [StepReport(step, Stage.DONE, began=float(n), ended=n + 0.5) for n, step in enumerate(plan.steps)]
    assert DRILL_STOPS_A.drill.steps[0].on == "iam-a"
    (first, *_) = resolved_steps(DRILL_STOPS_A.drill, "iam-a", "iam-b", "iam-a")
    run = step_run(first, steps)
    assert run.title == "stop iam-apiserver on iam-a"
    assert run.began == next(n for n, step in enumerate(plan.steps) if step.kind == "do")


def test_who_insists_on_the_last_backend_is_not_refused_by_the_look():
    plan = without_looks(plan_for(DRILL_STOPS_A, healthy(), NOW + 1), ["last-backend"], ())
    assert not any(isinstance(each, OthersServe) for step in plan.steps for each in step.expect)


def test_a_drill_needs_another_backend_behind_every_nginx_since_its_vip_may_move():
    state = healthy()
    for name, node in state.nodes.items():
        report = files(pair(), name)
        own = {d: replace(each, servers=own_of(each.servers)) for d, each in report.upstreams.items()}
        seen = Known(replace(report, upstreams=own), NOW)
        state = replace(state, nodes={**state.nodes, name: replace(node, files=seen)})
    stop_b = drill("stop iam-apiserver iam-b", "start iam-apiserver iam-b")
    plan = plan_for(stop_b, state, NOW + 1)
    said = denials(GuardContext(plan, state, NOW + 1))
    assert ("last-backend", "iam-b") in {(each.code, each.node) for each in said}
    assert {e.node for s in plan.steps for e in s.expect if isinstance(e, OthersServe)} == {"iam-b"}


def own_of(servers: tuple[UpstreamServer, ...]) -> tuple[UpstreamServer, ...]:
    return tuple(each for each in servers if each.endpoint.startswith("127."))
