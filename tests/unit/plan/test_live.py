"""What keepalived tells of itself is what plans rest on; the profile's word stands in, and is marked as such."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import iamops
from iamops.model.events import FilesExamined, VrrpReported
from iamops.model.facts import VrrpReport, VrrpState
from iamops.model.running import LiveCheck
from iamops.plan.vrrp_timing import base_priority, counted_priority, reports_checks, reports_preemption, vrrp_on
from tests.support.cluster_states import NOW, fed, healthy, silent, tells
from tests.support.profiles import pair

PROFILE = pair()
SLOW = (LiveCheck("slow", 20.0, 3.0, 1, 3),)
# What a profile's VRRP instance says of timing and elections.
SETTINGS = {"advert_interval_s", "nopreempt", "version", "check"}


def test_what_is_told_comes_before_the_profile():
    state = fed(healthy(), [tells(PROFILE, "iam-a", nopreempt=False, checks=SLOW, advert_interval_s=3.0)])
    live = vrrp_on(state, "iam-a", "VI_1")
    assert (live.nopreempt, live.checks, live.advert_interval_s, live.assumed) == (False, SLOW, 3.0, False)


def test_a_node_that_tells_nothing_is_taken_for_what_the_profile_says_and_that_is_marked():
    state = fed(healthy(), [silent(PROFILE, "iam-a")])
    live = vrrp_on(state, "iam-a", "VI_1")
    assert (live.nopreempt, live.assumed) == (True, True)
    assert not reports_preemption(state, "iam-a", "VI_1")
    assert not reports_checks(state, "iam-a", "VI_1")


def test_files_that_nobody_has_read_tell_nothing():
    state = fed(healthy(), [FilesExamined(NOW, "iam-a", None, "permission denied")])
    assert vrrp_on(state, "iam-a", "VI_1").assumed


@pytest.mark.parametrize("changes", [{"nopreempt": None}, {"checks": None}], ids=["preemption", "checks"])
def test_of_what_is_told_in_part_the_rest_is_assumed(changes: dict[str, None]):
    state = fed(healthy(), [tells(PROFILE, "iam-a", advert_interval_s=3.0, **changes)])
    live = vrrp_on(state, "iam-a", "VI_1")
    assert (live.advert_interval_s, live.nopreempt, live.assumed) == (3.0, True, True)
    assert live.checks is not None
    assert reports_preemption(state, "iam-a", "VI_1") is ("checks" in changes)
    assert reports_checks(state, "iam-a", "VI_1") is ("nopreempt" in changes)


def test_an_election_goes_by_what_is_counted_then_by_what_is_told():
    untold = VrrpReported(NOW, "iam-b", "VI_1", VrrpReport(VrrpState.BACKUP, "journal", None, None, NOW - 9))
    state = fed(healthy(), [tells(PROFILE, "iam-b", priority=120), untold])
    assert (base_priority(state, "VI_1", "iam-b"), counted_priority(state, "VI_1", "iam-b")) == (120, 120)
    counted = VrrpReported(NOW, "iam-b", "VI_1", VrrpReport(VrrpState.BACKUP, "json", 130, 90, NOW - 9))
    state = fed(state, [counted])
    assert (base_priority(state, "VI_1", "iam-b"), counted_priority(state, "VI_1", "iam-b")) == (130, 90)


def test_no_plan_and_no_guard_takes_these_settings_from_the_profile():
    """They are asked of `plan/vrrp_timing.py`."""
    root = Path(iamops.__file__).parent
    found = [
        f"{path.relative_to(root)}:{each.lineno}: {ast.unparse(each)}"
        for floor in ("plan", "judge")
        for path in sorted((root / floor).rglob("*.py"))
        if "lint" not in path.parts  # it compares files with files
        for each in ast.walk(ast.parse(path.read_text()))
        if isinstance(each, ast.Attribute) and _of_profile(each)
    ]
    assert found == []


def _of_profile(each: ast.Attribute) -> bool:
    of = ast.unparse(each.value)
    return each.attr == "priority_of" or (each.attr in SETTINGS and (".vrrp" in of or of == "vrrp"))
