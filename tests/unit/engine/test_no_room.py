"""A node whose /run is full can arm no undo: nothing is touched, and the reason is told, not systemd's riddle."""

from __future__ import annotations

import pytest

from iamops.engine.ports import CommandAnswer
from iamops.judge.run import Outcome
from iamops.plan.action import Action, ServiceAction, Switchover, UnitVerb
from iamops.plan.checks import ROOM_ARGV, no_room
from iamops.plan.steps import StepKind
from tests.support.pair import Bench

# systemd 252 on a full tmpfs, and coreutils 9.1 beside it.
RIDDLE = "Failed to start transient timer unit: Unit iamops-dead-man-iam-apiserver.timer not found."
DF = "    Avail   IFree\n{0:9d}{1:8d}\n"


@pytest.mark.parametrize("action", [ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-b"), Switchover()])
@pytest.mark.parametrize(
    ("left", "says"), [((0, 819), "/run on {} is full"), ((5120, 0), "has no room"), ((9, 9), "")]
)
async def test_an_undo_that_cannot_be_armed_for_want_of_room_says_so(
    action: Action, left: tuple[int, int], says: str
):
    bench = Bench()
    plan, _ = bench.engine.consider(bench.order(action))
    armed = next(step for step in plan.steps if step.kind is StepKind.ARM)
    bench.hands.answers = {
        armed.argv: CommandAnswer(1, "", RIDDLE),
        ROOM_ARGV: CommandAnswer(0, DF.format(*left), ""),
    }
    report = await bench.engine.run(bench.order(action), lambda report: None)
    assert report.outcome is Outcome.FAILED
    assert RIDDLE in report.sentence
    assert says.format(armed.node) in report.sentence
    assert ("/run" in report.sentence) is bool(says)
    assert not any(verb in argv for argv in bench.hands.changes for verb in ("restart", "stop"))


@pytest.mark.parametrize("text", ["", "\n", "df: unrecognized option '--output'\n", "Avail IFree\n   -   -\n"])
def test_a_df_that_does_not_tell_is_no_full_disk(text: str):
    assert no_room("iam-b", text) == ""
