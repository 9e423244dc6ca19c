"""The engine outlives its front: terminals that are closed, stalled or suspended in mid-action, on the real pair.

`python -m tests.soak.fronts` does this at every step of every kind of action.
"""

from __future__ import annotations

import time

import pytest

from tests.lab import fronts
from tests.lab.acting import ActingLab
from tests.lab.whole import wrong

# Where the VIP may have moved already, and where it has not.
STOPS, RAISES = "stop keepalived on iam-a: running", "raise the priority of VI_1 on iam-b from 50 to 254: running"
STALL_S = 12.0
ENDS_WITHIN_S = 1.0
# A slice of the campaign, which does this for 30 s and at every step.
FRONTS = ("console", "shell")


@pytest.mark.alone
@pytest.mark.parametrize("front", FRONTS)
def test_a_switchover_whose_terminal_is_closed_is_over_and_the_front_gone(acting: ActingLab, front: str):
    fronts.disturbed(acting, fronts.actions(acting)["switchover"], front, "closed", STOPS, STALL_S)


@pytest.mark.parametrize("front", FRONTS)
def test_a_switchover_that_is_stopped_goes_on_or_is_undone(acting: ActingLab, front: str):
    fronts.disturbed(acting, fronts.actions(acting)["switchover"], front, "stopped", STOPS, STALL_S)


@pytest.mark.alone
@pytest.mark.parametrize(("way", "front"), [("stalled", "console"), ("suspended", "shell")])
def test_a_switchover_takes_no_longer_for_its_terminal(acting: ActingLab, way: str, front: str):
    switchover = fronts.actions(acting)["switchover"]
    alone_s, _ = fronts.undisturbed(acting, switchover, front)
    fronts.disturbed(acting, switchover, front, way, STOPS, STALL_S, alone_s)


@pytest.mark.alone
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
    with fronts.begun(acting, fronts.actions(acting)["switchover"], "console") as seen:
        seen.wait_for_boundary(RAISES)
        seen.press("\x03")
        seen.wait_for(r"UNDONE")
        outcome = seen.wait_for_outcome()
        assert outcome["interrupted"]
        assert outcome["restored_by"] == "console"
    assert wrong(acting) == []


def test_a_console_that_is_told_to_end_says_what_became_of_the_run(acting: ActingLab):
    with fronts.begun(acting, fronts.actions(acting)["switchover"], "console") as seen:
        seen.wait_for_boundary(STOPS)
        seen.process.terminate()
        # A VIP that has moved by then is not undone.
        told = r"switchover: (undone|failed): interrupted; now: VIP [\d.]+ is on iam-[ab].*\(audit [0-9a-f]+\)"
        seen.wait_for(told)
        outcome = seen.wait_for_outcome()
        moved = "the VIP of VI_1 is on iam-b and was on iam-a" in outcome["sentence"]
        assert seen.process.wait(10) == (1 if moved else 130)
        assert acting.status().owners == ("iam-b" if moved else "iam-a",)
