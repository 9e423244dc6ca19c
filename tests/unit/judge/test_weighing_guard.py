"""nginx is not stopped on the owner where a failing check would leave the VIP with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.events import FilesExamined
from iamops.model.running import LiveCheck, LiveVrrp
from iamops.plan.action import Action, RollingRestart, ServiceAction, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.denial import Denial, GuardContext
from tests.support.cluster_states import NOW, fed, files, healthy, silent
from tests.support.profiles import pair

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
