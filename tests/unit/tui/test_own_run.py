"""What an action brings about, while it is under way and a moment after it."""

from __future__ import annotations

from dataclasses import replace

from iamops.model.events import SafetyReported
from iamops.model.facts import LockHolder, SafetyReport
from iamops.tui.app.painting import SETTLES_S, RunEffects, locked
from tests.support import scenes
from tests.unit.judge.triage_samples import NO_GRANT, SPLIT

NOW = scenes.NOW
STOPPED = replace(NO_GRANT, code="unit-down", next="iamops start nginx iam-b")


def test_only_what_came_with_the_run_has_no_step_until_it_has_come_to_rest() -> None:
    running = ""
    run = RunEffects(lambda: running)
    assert run.reported((NO_GRANT,), NOW) == (NO_GRANT,)
    running = "drill seed"
    kept, came = run.reported((NO_GRANT, STOPPED), NOW + 1)
    assert (kept, came.next) == (NO_GRANT, "nothing to do: during drill seed")
    running = ""
    assert run.reported((STOPPED,), NOW + 1 + SETTLES_S / 2)[0].next != STOPPED.next
    assert run.reported((STOPPED,), NOW + 1 + SETTLES_S) == (STOPPED,)


def test_a_split_brain_is_never_meant() -> None:
    assert RunEffects(lambda: "switchover").reported((SPLIT,), NOW)[0].next == SPLIT.next


def test_a_drill_from_another_terminal_holds_the_nodes_and_is_named() -> None:
    lock = LockHolder("root@vm", "10.0.4.10", NOW - 1, "drill seed", "abcd1234")
    state = scenes.fed(scenes.healthy(), [SafetyReported(NOW, "iam-b", SafetyReport((), lock))])
    assert locked(state) == "drill seed by root@vm"
    assert locked(scenes.healthy()) == ""
