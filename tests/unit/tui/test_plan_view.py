"""The plan as it is read in the dialog: a reason is marked as overridden where it is, and nowhere else."""

from __future__ import annotations

import pytest

from iamops.plan.action import Switchover
from iamops.plan.build import plan_for
from iamops.plan.denial import Denial
from iamops.tui.dialogs.confirm import plan_lines
from tests.support.cluster_states import NOW, healthy

MAY = Denial("last-backend", "nothing else serves it", True, "iam-b", ("iam-apiserver",))
FIRM = Denial("stale-evidence", "iam-b was last heard 9 s ago", node="iam-b")


@pytest.mark.parametrize(
    ("denial", "override", "word"),
    [
        (MAY, "last-backend", "OVERRIDDEN"),
        (MAY, "last-backend@iam-b/iam-apiserver", "OVERRIDDEN"),
        (MAY, "last-backend@iam-a/iam-apiserver", "REFUSED"),
        (FIRM, "stale-evidence", "REFUSED"),
    ],
)
def test_a_reason_is_overridden_where_the_engine_would_say_so(denial: Denial, override: str, word: str):
    lines = plan_lines(plan_for(Switchover(), healthy(), NOW), [denial], [override], 200)
    told = ["".join(span.text for span in line) for line in lines]
    assert [text.split()[1] for text in told if denial.code in text] == [word]
