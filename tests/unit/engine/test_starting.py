"""Whether a unit stays up, and what is asked of one that does not."""

from __future__ import annotations

import pytest

from iamops.plan.checks import StaysUp, lasts_s
from iamops.plan.observation import Judgement
from iamops.plan.start_failure import StartFailureQuery
from tests.support.starting_unit import NODE, UNIT


@pytest.mark.parametrize(
    ("text", "verdict", "says"),
    [
        (("active", 7, 0, "active", 7, 0), Judgement.HOLDS, "stays up"),
        (("active", 7, 0, "active", 8, 1), Judgement.NOT_YET, "process 7, then 8"),
        (("active", 0, 0, "active", 0, 1), Judgement.NOT_YET, "does not stay up"),
        (("active", 7, 0, "activating", 0, 0), Judgement.NOT_YET, "is activating"),
        (("failed", 0, 0, "failed", 0, 0), Judgement.NOT_YET, "has failed"),
    ],
)
def test_two_looks_at_a_unit_tell_whether_it_stays_up(text: tuple[object, ...], verdict: Judgement, says: str):
    looks = [
        f"ActiveState={active}\nSubState=x\nMainPID={pid}\nNRestarts={restarts}"
        for active, pid, restarts in (text[:3], text[3:])
    ]
    reading = StaysUp(NODE, UNIT, 1.0).judge_output(0, "\n\n".join(looks) + "\n", 0.0)
    assert reading.verdict is verdict
    assert says in reading.text


def test_what_systemd_does_not_tell_is_not_known():
    for status, text in ((1, ""), (0, "ActiveState=active\n"), (None, "")):
        assert StaysUp(NODE, UNIT, 1.0).judge_output(status, text, 0.0).verdict is Judgement.UNKNOWN


def test_what_cannot_answer_is_watched_for_its_restart_delay_within_bounds():
    assert lasts_s(5.0, answers=True) < 1
    assert [lasts_s(delay, answers=False) for delay in (None, 0.1, 5.0, 90.0)] == [1.0, 1.0, 5.0, 10.0]


def test_a_log_is_asked_for_only_where_the_journal_has_no_own_words():
    log = "==log\nhalf\nx\tERROR\tfrom the file\n\n==journal\n"
    assert StartFailureQuery(NODE, UNIT, 3.0).reason(log) == "iam-pump says: from the file"
    assert StartFailureQuery(NODE, UNIT, 3.0).reason("==log\n\n==journal\n1.0 iam-pump[7]: ready\n") == ""
