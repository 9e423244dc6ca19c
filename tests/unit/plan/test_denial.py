"""What somebody insists against: only what was shown, on the node and the subject that it was about."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.events import HttpProbed, Target, UnitReported, VrrpReported
from iamops.model.facts import ProbeOutcome, ProbeReport, UnitReport, VrrpReport, VrrpState
from iamops.model.observed import Unknown
from iamops.model.state import ClusterState
from iamops.plan.action import Action, RollingRestart, ServiceAction, UnitVerb
from iamops.plan.backends import LAST_BACKEND
from iamops.plan.build import plan_for
from iamops.plan.denial import NEW, Denial, GuardContext, overridden, refused_by, remaining_denials, without_looks
from iamops.plan.overridable import OVERRIDABLE
from iamops.plan.step_builders import CONFIG_INVALID
from iamops.plan.steps import Plan, StepKind
from tests.support.cluster_states import NOW, fed, healthy
from tests.support.every_action import every_action
from tests.support.observed_values import PROFILE, base


def test_looks_that_were_overridden_leave_the_plan_that_was_shown():
    action = ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-a")
    asking = plan_for(action, healthy(), NOW)
    insisting = without_looks(asking, ["last-backend"], ())
    assert len(insisting.steps) < len(asking.steps)
    assert insisting.fingerprint == asking.fingerprint


CONSOLE = Path(__file__).parents[3] / "console"
UNHEALTHY = "standby-unhealthy"
AUTHZ = Denial(UNHEALTHY, "iam.authz on iam-b: HTTP 500", True, "iam-b", ("iam.authz",))
API = Denial(UNHEALTHY, "iam.api on iam-b: HTTP 500", True, "iam-b", ("iam.api",))
FIRM = Denial("no-owner", "no node is seen to hold VIP 10.0.4.99")
CODE = (UNHEALTHY,)


def test_without_an_earlier_look_a_code_is_about_all_that_stands_now():
    assert remaining_denials([AUTHZ, API, FIRM], CODE) == (FIRM,)
    assert overridden([AUTHZ, API, FIRM], CODE) == (AUTHZ, API)


def test_a_reason_that_came_later_stands_and_says_why():
    (left,) = remaining_denials([AUTHZ, API], CODE, shown=[AUTHZ])
    assert (left.code, left.node, left.subjects) == (API.code, API.node, API.subjects)
    assert left.reason == f"{API.reason}; {NEW}"


def test_the_same_reason_on_another_node_stands():
    elsewhere = replace(AUTHZ, node="iam-c")
    assert [each.node for each in remaining_denials([AUTHZ, elsewhere], CODE, shown=[AUTHZ])] == ["iam-c"]


@pytest.mark.parametrize("words", ["iam.authz on iam-b: HTTP 502", "iam.authz on iam-b: last asked 3 s ago", ""])
def test_the_same_reason_in_other_words_is_the_same(words: str):
    assert remaining_denials([replace(AUTHZ, reason=words)], CODE, shown=[AUTHZ]) == ()


def test_what_covers_several_subjects_gives_way_only_where_each_was_shown():
    all_of_it = Denial(UNHEALTHY, "nginx is failed on iam-b", True, "iam-b", ("iam.api", "iam.authz"))
    assert remaining_denials([all_of_it], CODE, shown=[AUTHZ]) != ()
    assert remaining_denials([all_of_it], CODE, shown=[AUTHZ, API]) == ()
    assert remaining_denials([AUTHZ, API], CODE, shown=[all_of_it]) == ()


def test_who_insists_on_what_may_be_so_has_not_insisted_on_what_is_so_but_the_other_way_round():
    may_be = replace(AUTHZ, reason="iam.authz on iam-b is not known to answer: no answer", known=False)
    assert remaining_denials([AUTHZ], CODE, shown=[may_be]) != ()
    assert remaining_denials([may_be], CODE, shown=[AUTHZ]) == ()


def test_an_override_that_names_node_and_subject_is_about_exactly_that():
    assert remaining_denials([AUTHZ, API], [f"{UNHEALTHY}@iam-b/iam.authz"]) == (
        replace(API, reason=f"{API.reason}; {NEW}"),
    )
    assert len(remaining_denials([AUTHZ], [f"{UNHEALTHY}@iam-a/iam.authz"])) == 1
    assert remaining_denials([AUTHZ], [f"{UNHEALTHY}@iam-b/iam.authz"], shown=[]) == ()


def looks(plan: Plan, code: str) -> list[str]:
    return [step.node for step in plan.steps if step.refuses == code]


def test_only_the_looks_of_the_node_that_the_reason_was_about_are_left_out():
    plan = plan_for(RollingRestart("iam-apiserver"), healthy(), NOW + 1)
    assert looks(plan, LAST_BACKEND) == ["iam-b", "iam-a"]
    reason = "iam-apiserver is not known to be healthy on iam-b"
    about = Denial(LAST_BACKEND, reason, True, "iam-a", ("iam-apiserver",))
    assert looks(without_looks(plan, [LAST_BACKEND], [about]), LAST_BACKEND) == ["iam-b"]
    assert looks(without_looks(plan, [], [about]), LAST_BACKEND) == ["iam-b", "iam-a"]


def test_a_reason_about_another_service_leaves_no_look_out():
    plan = plan_for(ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-b"), healthy(), NOW + 1)
    about = Denial(LAST_BACKEND, "iam-authz-server needs it", True, "iam-b", ("iam-authz-server",))
    assert looks(without_looks(plan, [LAST_BACKEND], [about]), LAST_BACKEND) == ["iam-b"]


def test_a_code_alone_is_about_the_one_look_that_can_refuse_with_it_and_about_none_of_several():
    one = plan_for(ServiceAction(UnitVerb.RESTART, "nginx", "iam-b"), healthy(), NOW + 1)
    assert looks(without_looks(one, [CONFIG_INVALID], []), CONFIG_INVALID) == []
    several = plan_for(RollingRestart("nginx"), healthy(), NOW + 1)
    assert looks(without_looks(several, [CONFIG_INVALID], []), CONFIG_INVALID) == ["iam-b", "iam-a"]


def test_what_a_step_found_names_what_leaves_out_that_step_and_no_other():
    plan = plan_for(RollingRestart("nginx"), healthy(), NOW + 1)
    step = next(each for each in plan.steps if each.refuses == CONFIG_INVALID and each.node == "iam-a")
    found = refused_by(plan, step, "exit code 1")
    assert f'(--override {CONFIG_INVALID}@iam-a/nginx --reason "…" to insist)' in found.sentence
    assert looks(without_looks(plan, [f"{CONFIG_INVALID}@iam-a/nginx"], []), CONFIG_INVALID) == ["iam-b"]
    assert looks(without_looks(plan, [CONFIG_INVALID], [found]), CONFIG_INVALID) == ["iam-b"]


ACTIONS = every_action(PROFILE)
NAMES = [each.sentence for each in ACTIONS]


@pytest.mark.parametrize("action", ACTIONS, ids=NAMES)
def test_every_step_that_can_refuse_has_an_identity_of_its_own(action: Action):
    plan = plan_for(action, base(), NOW + 1)
    refusing = [refused_by(plan, step) for step in plan.steps if step.refuses is not None]
    assert all(each.subjects and each.node for each in refusing)
    assert all(step.kind is StepKind.LOOK for step in plan.steps if step.refuses in OVERRIDABLE)


def test_every_denial_that_can_be_overridden_says_what_it_is_about():
    """Without a subject an override would cover whatever else is refused with the same code on the same node."""
    found = [each for path in sorted(CONSOLE.rglob("*.py")) for each in _nameless(path)]
    assert found == []


def _nameless(path: Path) -> Iterator[str]:
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Denial":
            named = {word.arg: word.value for word in call.keywords}
            overridable = call.args[2] if len(call.args) > 2 else named.get("overridable")
            firm = overridable is None or (isinstance(overridable, ast.Constant) and not overridable.value)
            if not firm and len(call.args) < 5 and "subjects" not in named:
                yield f"{path.name}:{call.lineno}"


BAD = ProbeReport(ProbeOutcome.BAD_ANSWER, 1.0, 502, "HTTP 502")


def worse(state: ClusterState) -> Iterator[ClusterState]:
    """Each kind of trouble by itself, and all of it."""
    domains, services = PROFILE.domains, PROFILE.services
    troubles = [
        [UnitReported(NOW, "iam-b", "nginx", UnitReport("failed", "failed", 0, 0))],
        [HttpProbed(NOW, "iam-b", "iam-b", Target.DOMAIN, domain, BAD) for domain in domains],
        [HttpProbed(NOW, "iam-b", "iam-b", Target.SERVICE, name, BAD) for name in services],
        [VrrpReported(NOW, "iam-b", name, VrrpReport(VrrpState.FAULT, "json", 50, 50)) for name in PROFILE.vrrp],
    ]
    yield from (fed(state, events) for events in troubles)
    whole = fed(state, (event for events in troubles for event in events))
    blind = replace(whole.nodes["iam-b"], files=Unknown("not read"))
    yield replace(whole, nodes={**whole.nodes, "iam-b": blind})


@pytest.mark.parametrize("action", ACTIONS, ids=NAMES)
def test_two_reasons_of_one_moment_are_never_one(action: Action):
    """Who insists on one of them alone has not insisted on the other, unless that one says less."""
    for state in worse(base()):
        found = denials(GuardContext(plan_for(action, state, NOW + 1), state, NOW + 1))
        whole = [each.identities for each in found if each.overridable]
        assert len(set(whole)) == len(whole), [each.sentence for each in found]
