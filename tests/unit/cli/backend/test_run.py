"""What becomes of an edited profile when its push does not succeed."""

from __future__ import annotations

import pytest

from iamops.cli.backend.run import nodes_as_before
from iamops.judge.run import Outcome, RunReport
from iamops.plan.action import Switchover


def ended(outcome: Outcome, **files: str) -> RunReport:
    return RunReport("1", Switchover(), 0.0, outcome=outcome, files=files)


@pytest.mark.parametrize(
    ("report", "goes_back"),
    [
        (None, True),
        (ended(Outcome.REFUSED), True),
        (ended(Outcome.FAILED), True),
        (ended(Outcome.FAILED, a="old", b="old"), True),
        (ended(Outcome.FAILED, a="new", b="new"), False),
        (ended(Outcome.UNKNOWN, a="new", b="old"), False),
        (ended(Outcome.UNKNOWN, a="unseen", b="old"), False),
        (ended(Outcome.SUCCEEDED), False),
    ],
)
def test_the_profile_goes_back_only_where_every_node_is_seen_with_the_old_files(
    report: RunReport | None, goes_back: bool
):
    assert nodes_as_before(report) is goes_back
