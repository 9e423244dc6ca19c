"""A unit that is to be started, and what it says when it cannot."""

from __future__ import annotations

from iamops.judge.run import RunReport
from iamops.plan.action import ServiceAction, UnitVerb
from tests.support.pair import Bench

NODE, UNIT = "iam-b", "iam-pump"

WHY_NOT = (
    "ActiveState=activating\nSubState=auto-restart\nNRestarts=2\nExecMainCode=1\nExecMainStatus=1\n"
    "==log\n\n==journal\n"
    "1772719002.2 systemd[1]: iam-pump.service: Main process exited, code=exited, status=1/FAILURE\n"
    "1772719002.1 iam-pump[7]: 2026-03-05 14:07:09 \\t \\x1b[35mFATAL\\x1b[0m \\t pump \\t pump/server.go:9 \\t "
    "no mongo at mongodb://iam:s3cr3t-Pw@10.0.4.20:27017\n"
)


async def started(bench: Bench, verb: UnitVerb) -> RunReport:
    return await bench.engine.run(bench.order(ServiceAction(verb, UNIT, NODE)), lambda report: None)


def bench_with_a_stopped_unit() -> Bench:
    bench = Bench()
    bench.world.machines[NODE].pids.pop(UNIT)
    bench.world.tell()
    return bench
