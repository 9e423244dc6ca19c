"""nginx is not stopped on the owner where a failing check would leave the VIP with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.judge.denial import Case, Denial
from console.judge.guards import denials
from console.model.events import FilesExamined
from console.model.live import LiveCheck, LiveVrrp
from console.plan.action import Action, RollingRestart, ServiceAction, Verb
from console.plan.build import plan_for
from tests.profiles import pair
from tests.scenes import NOW, fed, files, healthy

PROFILE = pair()
STOP_A = ServiceAction(Verb.STOP, "nginx", "iam-a")
CHECK = LiveCheck("check_nginx", 2.0, 3.0, 2, 2)


def told(node: str, *checks: LiveCheck, nopreempt: bool = False) -> FilesExamined:
    of_profile = LiveVrrp.of_profile(PROFILE.instance, PROFILE.nodes[node])
    live = replace(of_profile, checks=checks, nopreempt=nopreempt, assumed=False)
    return FilesExamined(NOW, node, replace(files(PROFILE, node), live={"VI_1": live}), "")


def denied(action: Action, *seen: FilesExamined) -> list[Denial]:
    state = fed(healthy(), seen)
    said = denials(Case(plan_for(action, state, NOW + 1), state, NOW + 1))
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
    "seen", [pair_with(0, nopreempt=True), pair_with(-60), []], ids=["fault", "falls", "untold"]
)
def test_where_a_failing_check_moves_it_or_nobody_knows_it_is_not_in_the_way(seen: list[FilesExamined]):
    assert denied(STOP_A, *seen) == []


@pytest.mark.parametrize(
    "action",
    [
        ServiceAction(Verb.STOP, "nginx", "iam-b"),
        ServiceAction(Verb.RESTART, "nginx", "iam-a"),
        ServiceAction(Verb.STOP, "keepalived", "iam-a"),
        RollingRestart("nginx"),
    ],
    ids=lambda action: action.sentence,
)
def test_what_does_not_wait_for_the_check_is_not_asked(action: Action):
    assert denied(action, *pair_with(-20)) == []
