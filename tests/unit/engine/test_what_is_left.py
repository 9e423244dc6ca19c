"""Cut anywhere, a run says "undone" only where all is as it was, and "failed" only where somebody looked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from iamops.engine.ports import OutcomeUnknown
from iamops.judge.run import Outcome, RunReport, Stage
from iamops.model.exit_code import ExitCode
from iamops.plan.action import Action, DrillAction, RollingRestart, ServiceAction, Switchover, UnitVerb
from iamops.report.run import exit_code, run_document
from iamops.session.drills.files import load_drill
from tests.support.pair import Bench

OTHER = "iam-a"
COMMANDS = 30
ACTIONS: dict[str, Action] = {
    "start": ServiceAction(UnitVerb.START, "iam-apiserver", "iam-b"),
    "reload": ServiceAction(UnitVerb.RELOAD, "nginx", "iam-b"),
    "stop": ServiceAction(UnitVerb.STOP, "iam-apiserver", "iam-b"),
    "restart": ServiceAction(UnitVerb.RESTART, "iam-apiserver", "iam-b"),
    "restart keepalived": ServiceAction(UnitVerb.RESTART, "keepalived", "iam-a"),
    "switchover": Switchover(),
    "rolling restart": RollingRestart("iam-apiserver"),
    "drill": DrillAction(load_drill("keepalived-stop")),
}


def made(name: str) -> Bench:
    bench = Bench()
    if name == "start":
        bench.world.machines["iam-b"].pids.pop("iam-apiserver")
        bench.world.tell()
    return bench


async def cut(
    bench: Bench, action: Action, at: int, how: Callable[[Bench, asyncio.Task[RunReport]], None]
) -> RunReport:
    def after(number: int, argv: object) -> None:
        if number == at:
            how(bench, run)

    bench.hands.after = after
    run = asyncio.ensure_future(bench.engine.run(bench.order(action), lambda report: None))
    return await asyncio.wait_for(run, 30)


def footprint(bench: Bench) -> object:
    """Where the VIP is, and which processes run. What was stopped for a moment is a new process."""
    return bench.world.owner, {name: sorted(machine.pids) for name, machine in bench.world.machines.items()}


def restarted(report: RunReport) -> list[str]:
    return [
        each.step.title
        for each in report.steps
        if each.stage is Stage.DONE and " restart " in f" {each.step.title}"
    ]


@pytest.mark.parametrize("name", ACTIONS)
async def test_interrupted_it_is_undone_only_where_everything_is_as_it_was(name: str):
    undone = left = 0
    for at in range(COMMANDS):
        bench = made(name)
        before = footprint(bench)
        report = await cut(bench, ACTIONS[name], at, lambda _, run: void(run.cancel()))
        if at >= len(bench.hands.sent):
            break
        if report.put_back:
            assert footprint(bench) == before, (at, report.sentence)
            assert not restarted(report), (at, report.sentence)
            assert exit_code(report) == ExitCode.INTERRUPTED
            undone += 1
        elif report.outcome is Outcome.FAILED:
            assert report.not_undone, (at, report.sentence)
            assert all(each in report.sentence for each in report.not_undone)
            assert run_document(report, "lab", 1)["not_undone"] == list(report.not_undone)
            left += 1
    assert undone or name in ("start",)
    assert left or name in ("reload", "stop")


@pytest.mark.parametrize("name", ACTIONS)
async def test_a_node_that_goes_dark_in_mid_action_leaves_it_unknown(name: str):
    def lost(bench: Bench, run: asyncio.Task[RunReport]) -> None:
        bench.world.power_off(OTHER)
        raise OutcomeUnknown("the link was lost")

    for at in range(COMMANDS):
        bench = made(name)
        report = await cut(bench, ACTIONS[name], at, lost)
        if at >= len(bench.hands.sent):
            break
        assert report.outcome in (Outcome.UNKNOWN, Outcome.SUCCEEDED), (at, report.sentence)


def void(_: object) -> None: ...
