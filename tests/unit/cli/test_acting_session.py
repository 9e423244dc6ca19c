"""A command that acts asks before it runs: whatever stood in the way a moment ago, nothing is done unasked."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from iamops.cli.acting import ActingSession
from iamops.judge.run import Outcome, RunReport
from iamops.model.events import Source, SourceLost
from iamops.model.exit_code import ExitCode
from iamops.plan.action import ServiceAction, UnitVerb
from tests.support.pair import Bench

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
