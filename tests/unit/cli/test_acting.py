"""What every command that changes something goes through: who is asked, what is refused, and how it ended."""

from __future__ import annotations

import argparse
import asyncio
import os
import pty
from dataclasses import replace
from typing import Any

import pytest

from iamops.cli.acting import ActingSession, GuardedSession, gap_line, result_lines, typed_line
from iamops.judge.run import Outcome, RestoredBy, RunReport
from iamops.model.events import Source, SourceLost
from iamops.model.exit_code import ExitCode
from iamops.model.outage import Hole, ProbeResult, ProbeRow, Segment, gap_report
from iamops.model.profile import Environment
from iamops.plan.action import ServiceAction, Switchover, UnitVerb
from iamops.report.run import gap_document
from tests.support.pair import Bench
from tests.support.profiles import pair


@pytest.mark.parametrize(
    ("environment", "armed_for", "armed"),
    [
        (Environment.LAB, None, True),
        (Environment.STAGING, "lab", True),
        (Environment.STAGING, "other", False),
        (Environment.PRODUCTION, None, False),
        (Environment.PRODUCTION, "other", False),
        (Environment.PRODUCTION, "lab", True),
    ],
)
def test_a_cluster_is_armed_by_its_own_name_or_by_none_where_none_is_needed(
    environment: Environment, armed_for: str | None, armed: bool
):
    profile = pair().model_copy(update={"name": "lab", "environment": environment})
    args = argparse.Namespace(profile="lab", arm=armed_for, override=[], reason="", yes=True)
    session = GuardedSession(profile, args)
    session.order(Switchover())
    assert (session.operator.armed_s > 0) is armed


RESTART = ServiceAction(UnitVerb.RESTART, "iam-pump", "iam-b")


def not_seen_yet(bench: Bench) -> None:
    """As after a slow login: connected, and locks and undos were not read yet. The next look tells them."""
    bench.world.store.apply(SourceLost(bench.world.time, "iam-b", Source.SAFETY, "not read yet"))


def session(bench: Bench, **changes: Any) -> ActingSession:
    """On a pair of the engine's tests; nobody answers but `agreed`."""
    options = {"profile": "lab", "arm": None, "override": [], "reason": "", "yes": False, "dry_run": False}
    made = ActingSession(bench.world.profile, RESTART, argparse.Namespace(**{"json": False, **options, **changes}))
    for port in ("commands", "reader", "audit_log", "meter"):
        setattr(made.operator, port, getattr(bench.engine, port))
    return made


@pytest.mark.parametrize("word", [True, False])
async def test_what_stood_in_the_way_and_is_gone_lets_nothing_run_unasked(
    word: bool, monkeypatch: pytest.MonkeyPatch
):
    bench = Bench()
    not_seen_yet(bench)
    acting = session(bench)
    assert [each.code for each in acting.operator.weigh(acting.order(RESTART)).standing] == ["stale-evidence"]
    asked: list[str] = []

    async def agreed(plan: Any) -> bool:
        asked.append(plan.fingerprint)
        assert bench.hands.sent == []
        return word

    monkeypatch.setattr(acting, "agreed", agreed)
    code = await acting.act()
    assert len(asked) == 1
    assert code == (ExitCode.OK if word else ExitCode.REFUSED)
    assert bool(bench.hands.changes) is word


async def test_with_yes_nobody_is_asked_and_old_news_refuse_nothing():
    bench = Bench()
    not_seen_yet(bench)
    assert await session(bench, yes=True).act() == ExitCode.OK


async def test_an_order_that_nobody_agreed_to_is_only_ever_refused():
    """What speaks against it may go at any moment, also between the question and the run."""
    bench = Bench()
    report: RunReport = await bench.engine.run(bench.order(RESTART, agreed=False), lambda report: None)
    assert (report.outcome, [each.code for each in report.denials]) == (Outcome.REFUSED, ["not-confirmed"])
    assert bench.hands.sent == []
    assert [kind for kind, _ in bench.records.kept] == ["refused"]


async def test_a_line_is_read_from_a_terminal():
    master, slave = pty.openpty()
    with os.fdopen(slave) as stream:
        asked = asyncio.create_task(typed_line(stream))
        await asyncio.sleep(0)
        os.write(master, b"lab\n")
        assert await asyncio.wait_for(asked, 5) == "lab"


async def test_a_question_that_is_given_up_leaves_nothing_behind():
    """A thread in readline() would keep the whole process until somebody presses Return."""
    master, slave = pty.openpty()
    with os.fdopen(slave) as stream:
        asked = asyncio.create_task(typed_line(stream))
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert not asyncio.get_running_loop().remove_reader(slave)
    os.close(master)


async def test_a_terminal_that_goes_away_says_no():
    master, slave = pty.openpty()
    with os.fdopen(slave) as stream:
        asked = asyncio.create_task(typed_line(stream))
        await asyncio.sleep(0)
        os.close(master)
        assert await asyncio.wait_for(asked, 5) == ""


async def test_a_file_is_a_terminal_that_has_everything_already(tmp_path):
    (tmp_path / "answer").write_text("yes\nmore\n")
    with open(tmp_path / "answer") as stream:  # noqa: ASYNC230 - a test's own few bytes
        assert await typed_line(stream) == "yes"


ROW = (Segment(ProbeResult.GOOD, "iam-a", 0.0, 1.0, 101), Segment(ProbeResult.GOOD, "iam-b", 31.0, 32.0, 101))

SEEN, UNSEEN = (
    gap_report([ProbeRow(tuple(ROW), 0.01)]),
    gap_report([ProbeRow(tuple(ROW), 0.01)], holes=(Hole(1.0, 31.0, 30.0),)),
)

INTERRUPTED = RunReport(
    "4972991a",
    Switchover(),
    0.0,
    outcome=Outcome.FAILED,
    sentence="interrupted; now: VIP 10.0.4.99 is on iam-a",
    interrupted=True,
    restored_by=RestoredBy.CONSOLE,
)


def test_an_interrupted_run_that_was_put_back_is_undone_and_not_failed():
    assert result_lines(INTERRUPTED)[0] == "undone: interrupted; now: VIP 10.0.4.99 is on iam-a"


def test_one_that_nobody_put_back_has_failed():
    left = replace(INTERRUPTED, restored_by=RestoredBy.NOBODY)
    assert result_lines(left)[0].startswith("failed: ")


def test_time_in_which_nobody_looked_is_said():
    assert "not measured" not in gap_line(SEEN)
    assert gap_line(UNSEEN).endswith("; not measured for 30.0 s)")
    document = gap_document(UNSEEN)
    assert document is not None
    assert (document["not_measured_ms"], document["longest_gap_ms"]) == (30000.0, None)
