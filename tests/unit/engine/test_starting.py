"""Started means that it stays up and answers; what does not is a failure, in the unit's own words."""

from __future__ import annotations

import pytest

from iamops.engine.ports import CommandAnswer
from iamops.judge.run import Outcome, RunReport
from iamops.plan.action import ServiceAction, UnitVerb
from iamops.plan.checks import StaysUp, lasts_s
from iamops.plan.observation import Judgement
from iamops.plan.start_failure import StartFailureQuery
from tests.support.pair import Bench

NODE, UNIT = "iam-b", "iam-pump"
SAID = (
    "ActiveState=activating\nSubState=auto-restart\nNRestarts=2\nExecMainCode=1\nExecMainStatus=1\n"
    "==log\n\n==journal\n"
    "1772719002.2 systemd[1]: iam-pump.service: Main process exited, code=exited, status=1/FAILURE\n"
    "1772719002.1 iam-pump[7]: 2026-03-05 14:07:09 \\t \\x1b[35mFATAL\\x1b[0m \\t pump \\t pump/server.go:9 \\t "
    "no mongo at mongodb://iam:s3cr3t-Pw@10.0.4.20:27017\n"
)


async def run(bench: Bench, verb: UnitVerb) -> RunReport:
    return await bench.engine.run(bench.order(ServiceAction(verb, UNIT, NODE)), lambda report: None)


def bench_with_a_stopped_unit() -> Bench:
    bench = Bench()
    bench.world.machines[NODE].pids.pop(UNIT)
    bench.world.tell()
    return bench


@pytest.mark.parametrize("verb", [UnitVerb.START, UnitVerb.RESTART])
async def test_a_unit_that_dies_and_is_started_again_and_again_is_not_up(verb: UnitVerb):
    """Each look finds it active: only that it is another process gives it away."""
    bench = bench_with_a_stopped_unit() if verb is UnitVerb.START else Bench()
    bench.world.own_words[UNIT] = SAID
    machine = bench.world.machines[NODE]

    def dies() -> None:
        machine.pids[UNIT] = machine.pids.get(UNIT, 1000) + 1

    bench.world.on_look = dies
    report = await run(bench, verb)
    assert report.outcome is Outcome.FAILED
    assert "iam-pump does not start: exit 1, 2 times in " in report.sentence
    assert "no mongo at mongodb://" in report.sentence
    assert "does not stay up: process" in report.sentence
    assert "s3cr3t" not in report.sentence, "no password goes to the screen or into the audit"
    assert report.steps[-1 if verb is UnitVerb.START else 1].text in report.sentence
    assert "no mongo" in str(bench.records.kept[-1])


async def test_a_healthy_unit_is_believed_after_a_second_and_not_much_later():
    bench = bench_with_a_stopped_unit()
    report = await run(bench, UnitVerb.START)
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    step = report.steps[-1]
    assert step.text.endswith("iam-pump on iam-b stays up")
    assert step.began is not None
    assert step.ended is not None
    assert 0.9 <= step.ended - step.began <= 1.2


async def test_what_answered_once_must_answer_again_after_it_stayed_up():
    bench = bench_with_a_stopped_unit()

    def hangs() -> None:
        bench.world.silent.add(UNIT)

    bench.world.on_look = hangs
    report = await run(bench, UnitVerb.START)
    assert report.outcome is Outcome.FAILED
    assert "no answer since" in report.sentence


async def test_a_command_that_fails_says_the_units_own_reason_too():
    bench = bench_with_a_stopped_unit()
    bench.world.own_words[UNIT] = SAID
    argv = ("sudo", "-n", "/usr/bin/systemctl", "start", f"{UNIT}.service")
    bench.hands.answers[argv] = CommandAnswer(
        1, "", "Job for iam-pump.service failed because a timeout was exceeded."
    )
    report = await run(bench, UnitVerb.START)
    assert report.outcome is Outcome.FAILED
    assert "no mongo" in report.sentence
    assert "Job for iam-pump.service failed" in report.sentence


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
