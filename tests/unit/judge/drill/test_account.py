"""A drill's report in words: the split of its requests, even, uneven or not proven."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.session.drills.files import load_drill
from tests.support.drill_samples import keepalived_stop
from tests.support.judged_drills import judged

STOP = load_drill("keepalived-stop")


@pytest.mark.parametrize(
    ("counts", "others", "even"),
    [
        ({"iam-a": 5, "iam-b": 5}, 0, True),
        ({"iam-a": 6, "iam-b": 4}, 0, False),
        ({"iam-a": 6, "iam-b": 4}, 2, True),
        ({"iam-a": 10, "iam-b": 0}, 1, False),
    ],
)
def test_a_split_is_even_but_for_the_turns_that_strangers_took(counts, others, even):
    drill = load_drill("load-balance")
    said = {"service": "s", "sent": 10, "failed": 0, "backends": counts, "others": others, "unread": {}}
    seen = keepalived_stop()
    leg = replace(seen.step_runs[0], number=0, output={"iam.api": said})
    asked = replace(seen, step_runs=(leg,), addresses=(), states=(), gaps=(), notify={})
    assert (judged(asked, drill) == ()) is even


def test_a_split_that_cannot_be_proven_is_no_pass():
    said = {
        "sent": 10,
        "failed": 0,
        "backends": {"iam-a": None},
        "others": 0,
        "unread": {"iam-a": "Permission denied"},
    }
    seen = keepalived_stop()
    leg = replace(seen.step_runs[0], number=0, output={"iam.api": said})
    asked = replace(seen, step_runs=(leg,), addresses=(), states=(), gaps=(), notify={})
    assert "cannot be told: iam-a: Permission denied" in judged(asked, load_drill("load-balance"))[0].text
