"""The engine outlives its front: terminals that are closed, stalled or suspended in mid-action, on the real pair.

`python -m tests.soak.fronts` does this at every step of every kind of action.
"""

from __future__ import annotations

import time

import pytest

from tests.lab import fronts
from tests.lab.acting import ActingLab
from tests.lab.whole import wrong

pytestmark = pytest.mark.alone
# Where the VIP may have moved already, and where it has not.
STOPS, RAISES = "stop keepalived on iam-a: running", "raise the priority of VI_1 on iam-b from 50 to 254: running"
STALL_S = 12.0
ENDS_WITHIN_S = 1.0
# A slice of the campaign, which does this for 30 s and at every step.
SLICE = (
    ("closed", "console"),
    ("closed", "shell"),
    ("stalled", "console"),
    ("suspended", "shell"),
    ("stopped", "console"),
    ("stopped", "shell"),
)


# What an undisturbed switchover took, and its boundaries, by front.
UNDISTURBED: dict[str, tuple[float, list[str]]] = {}


def in_the_middle(lab: ActingLab, front: str, name: str = STOPS) -> tuple[fronts.Action, int, float]:
    """A switchover, where it is in the middle, and how long it takes undisturbed."""
    switchover = fronts.actions(lab)["switchover"]
    if front not in UNDISTURBED:
        UNDISTURBED[front] = fronts.undisturbed(lab, switchover, front)
    alone_s, names = UNDISTURBED[front]
    return switchover, names.index(name), alone_s


@pytest.mark.parametrize(("way", "front"), SLICE)
def test_a_switchover_outlives_its_terminal(acting: ActingLab, way: str, front: str):
    action, at, alone_s = in_the_middle(acting, front)
    fronts.disturbed(acting, action, front, way, at, STALL_S, alone_s)


def test_ctrl_c_at_the_question_ends_at_once_and_nothing_was_begun(acting: ActingLab):
    with fronts.front_of(acting, ("switchover",), "question") as seen:
        seen.wait_for(r"type lab to run this plan")
        pressed = time.monotonic()
        seen.press("\x03")
        assert seen.process.wait(10) == 130
        assert time.monotonic() - pressed < ENDS_WITHIN_S
        assert seen.records() == []
    assert wrong(acting) == []


def test_ctrl_c_in_the_panel_of_a_run_undoes_it(acting: ActingLab):
    action, at, _ = in_the_middle(acting, "console", RAISES)
    with fronts.begun(acting, action, "console") as seen:
        seen.wait_for_boundary(at)
        seen.press("\x03")
        seen.wait_for(r"UNDONE")
        outcome = seen.wait_for_outcome()
        assert outcome["interrupted"]
        assert outcome["restored_by"] == "console"
    assert wrong(acting) == []


def test_a_console_that_is_told_to_end_says_what_became_of_the_run(acting: ActingLab):
    action, at, _ = in_the_middle(acting, "console")
    with fronts.begun(acting, action, "console") as seen:
        seen.wait_for_boundary(at)
        seen.process.terminate()
        # A VIP that has moved by then is not undone.
        told = r"switchover: (undone|failed): interrupted; now: VIP [\d.]+ is on iam-[ab].*\(audit [0-9a-f]+\)"
        seen.wait_for(told)
        outcome = seen.wait_for_outcome()
        moved = "the VIP of VI_1 is on iam-b and was on iam-a" in outcome["sentence"]
        assert seen.process.wait(10) == (1 if moved else 130)
        assert acting.status().owners == ("iam-b" if moved else "iam-a",)
