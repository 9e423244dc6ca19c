"""An override is about the reasons that were shown, each on its own node; later ones stand."""

from __future__ import annotations

from console.judge.denial import Denial
from console.judge.insisting import NEW, overridden, standing, without_looks
from console.plan.action import RollingRestart
from console.plan.backends import LAST_BACKEND
from console.plan.build import plan_for
from console.plan.pieces import CONFIG_INVALID
from console.plan.steps import Plan
from tests.scenes import NOW, healthy

AUTHZ = Denial("standby-unhealthy", "iam.authz on iam-b: HTTP 500", True, "iam-b")
API = Denial("standby-unhealthy", "iam.api on iam-b: HTTP 500", True, "iam-b")
FIRM = Denial("no-owner", "no node is seen to hold VIP 10.0.4.99")
CODE = ("standby-unhealthy",)


def test_without_an_earlier_look_a_code_is_about_all_that_stands_now():
    assert standing([AUTHZ, API, FIRM], CODE) == (FIRM,)
    assert overridden([AUTHZ, API, FIRM], CODE) == (AUTHZ, API)


def test_a_reason_that_came_later_stands_and_says_why():
    (left,) = standing([AUTHZ, API], CODE, shown=[AUTHZ])
    assert (left.code, left.node) == (API.code, API.node)
    assert left.reason == f"{API.reason}; {NEW}"


def test_the_same_reason_on_another_node_stands():
    elsewhere = Denial(AUTHZ.code, AUTHZ.reason, True, "iam-c")
    assert [each.node for each in standing([AUTHZ, elsewhere], CODE, shown=[AUTHZ])] == ["iam-c"]


def test_a_reason_that_has_only_grown_older_is_the_same():
    told = "VIP 10.0.4.99 came to iam-a {} s ago; wait {} s more"
    then, now = (Denial("anti-flap", told.format(ago, 300 - ago), True) for ago in (9, 12))
    assert standing([now], ["anti-flap"], shown=[then]) == ()
    worse = Denial("standby-unhealthy", "iam.authz on iam-b: HTTP 502", True, "iam-b")
    assert standing([worse], CODE, shown=[AUTHZ]) != ()


def test_a_link_that_is_down_for_another_reason_is_still_down():
    first, second = (Denial("standby-unreachable", why, True, "iam-b", "link") for why in ("timeout", "no route"))
    assert standing([second], ["standby-unreachable"], shown=[first]) == ()


def looks(plan: Plan, code: str) -> list[str]:
    return [step.node for step in plan.steps if step.refuses == code]


def test_only_the_looks_of_the_node_that_the_reason_was_about_are_left_out():
    plan = plan_for(RollingRestart("iam-apiserver"), healthy(), NOW + 1)
    assert looks(plan, LAST_BACKEND) == ["iam-b", "iam-a"]
    about = Denial(LAST_BACKEND, "iam-apiserver is not known to be healthy on iam-b", True, "iam-a")
    assert looks(without_looks(plan, [LAST_BACKEND], [about]), LAST_BACKEND) == ["iam-b"]
    assert looks(without_looks(plan, [], [about]), LAST_BACKEND) == ["iam-b", "iam-a"]


def test_what_only_a_look_can_say_is_overridden_where_it_can_refuse():
    plan = plan_for(RollingRestart("nginx"), healthy(), NOW + 1)
    assert looks(plan, CONFIG_INVALID) == ["iam-b", "iam-a"]
    assert looks(without_looks(plan, [CONFIG_INVALID], []), CONFIG_INVALID) == ["iam-a"]
