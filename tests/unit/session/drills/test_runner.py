"""A drill that is interrupted: while it runs it is undone, and when it is over it is judged all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from iamops.engine.ports import Order
from iamops.judge.drill.report import DrillProgress, DrillReport, DrillVerdict, FailureKind
from iamops.judge.run import Outcome, RunReport, Stage
from iamops.model.running import LiveVrrp
from iamops.nodes.transport import CommandResult
from iamops.plan.action import DrillAction
from iamops.report.drill import drill_document, junit
from iamops.session.drills import runner
from iamops.session.drills.files import load_drill
from iamops.session.drills.runner import WaitThrough, run_drill
from tests.support.drill_samples import LIVE
from tests.support.pair import Bench
from tests.support.profiles import pair

SAFETY = {"dead_man_s": 30, "anti_flap_s": 0}
SHORT_S = 0.05


async def at_once() -> None:
    """A node that answers."""


async def never() -> None:
    await asyncio.Event().wait()


@dataclass
class Node:
    """A connection: its notify log gains nothing, and the last reading of it takes as long as `read` does."""

    read: Callable[[], Awaitable[None]] = at_once
    reading: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, argv: Sequence[str], *, timeout_s: float) -> CommandResult:
        out = b"0\n"
        if "notify" in argv:
            self.reading.set()
            await self.read()
            out = b"+0000\n"
        return CommandResult(tuple(argv), 0, out, b"")


class Session:
    """As much of a cluster under observation as a driller asks for."""

    def __init__(self, bench: Bench) -> None:
        self.profile, self.store, self.now = bench.world.profile, bench.world.store, bench.eyes.now
        self.nodes = {name: Node() for name in self.profile.nodes}
        self.asks_live: Callable[[], Awaitable[None]] = at_once

    def transport(self, node: str) -> Node:
        return self.nodes[node]

    async def clock_offsets(self) -> dict[str, Any]:
        return {}

    async def live_config(self, instance: str) -> dict[str, LiveVrrp]:
        await self.asks_live()
        return dict(LIVE)


class Drilled:
    """`reload` on a pair that behaves, and the task that carries it out."""

    def __init__(self, drill: str = "reload") -> None:
        self.bench = Bench(pair(safety=SAFETY))
        self.session = Session(self.bench)
        self.order = self.bench.order(DrillAction(load_drill(drill), LIVE))
        self.engine_over = asyncio.Event()
        self.heard: list[DrillProgress] = []
        self.observing = asyncio.Event()
        drilling = run_drill(self.session, self._run, self.order, self._hear)  # type: ignore[arg-type]
        self.task = asyncio.ensure_future(drilling)

    async def _run(self, order: Order, tell: Callable[[RunReport], None], _meter: object) -> RunReport:
        report = await self.bench.engine.run(order, tell)
        self.engine_over.set()
        return report

    def _hear(self, progress: DrillProgress) -> None:
        self.heard.append(progress)
        # Steps of no leg are the looks before the drill: nothing was done in them.
        if any(step.stage is Stage.OBSERVING and step.step.move is not None for step in progress.run.steps):
            self.observing.set()

    async def interrupted(self) -> DrillReport:
        self.task.cancel()
        return await self.task


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits three seconds here."""
    monkeypatch.setattr(runner, "JUDGED_WITHIN_S", 0.05)


async def test_interrupted_when_the_engine_is_done_the_drill_is_judged_and_keeps_its_own_exit_code():
    made = Drilled()
    await made.engine_over.wait()
    report = await made.interrupted()
    assert (report.verdict, report.exit_code) == (DrillVerdict.PASS, 0), report.sentence
    assert not report.interrupted
    assert made.heard[-1].report is report


async def test_interrupted_when_the_engine_has_failed_the_failure_is_told_as_such():
    made = Drilled()
    made.bench.hands.ineffective.add("reload")
    made.bench.hands.before = lambda number, argv: made.bench.world.silent.add("iam-apiserver")
    await made.engine_over.wait()
    report = await made.interrupted()
    assert (report.verdict, report.exit_code) == (DrillVerdict.FAIL, 1)
    assert FailureKind.INTERRUPTED not in {each.kind for each in report.failures}


async def test_interrupted_in_the_middle_of_the_judging_again_and_again_it_is_judged():
    made = Drilled()
    go_on = asyncio.Event()
    node = made.session.nodes["iam-a"]
    node.read = lambda: go_on.wait()  # type: ignore[assignment,return-value]
    await node.reading.wait()
    for _ in range(3):
        made.task.cancel()
        await asyncio.sleep(0)
    go_on.set()
    assert (await made.task).exit_code == 0


@pytest.mark.usefixtures("short")
async def test_what_does_not_answer_after_an_interrupt_is_left_and_the_verdict_is_not_a_pass():
    made = Drilled()
    made.session.nodes["iam-b"].read = never
    await made.session.nodes["iam-b"].reading.wait()
    report = await made.interrupted()
    assert (report.verdict, report.exit_code) == (DrillVerdict.UNKNOWN, 5)
    assert "judged in part: interrupted before this was read: the notify log of iam-b" in report.sentence
    assert not report.failures


@pytest.mark.usefixtures("short")
async def test_a_configuration_that_nobody_looked_at_is_not_called_the_same():
    made = Drilled()
    made.session.asks_live = never
    await made.engine_over.wait()
    report = await made.interrupted()
    assert report.verdict is DrillVerdict.UNKNOWN
    assert "what the nodes run with" in " ".join(report.notes)
    assert not any("configuration" in each.name for each in report.invariants)


async def in_mid_run(drill: str) -> DrillReport:
    made = Drilled(drill)
    changed = made.bench.eyes.changed

    async def slow(timeout_s: float) -> None:
        """Every wait lets others go on."""
        await asyncio.sleep(0)
        await changed(timeout_s)

    made.bench.eyes.changed = slow  # type: ignore[method-assign]
    await made.observing.wait()
    report = await made.interrupted()
    assert made.heard[-1].run.outcome is Outcome.FAILED
    return report


async def test_an_interrupted_drill_is_interrupted_in_every_view_and_not_unsteady():
    report = await in_mid_run("backend-loss")
    document = drill_document(report)
    first = document["failures"][0]
    assert (first["kind"], document["interrupted"], document["exit_code"]) == ("interrupted", True, 130)
    assert first["text"] == f"in '{first['step']}', and undone"
    assert report.sentence.startswith("interrupted; now: ")
    assert "steady-state" not in {each["kind"] for each in document["failures"]}
    assert 'type="interrupted"' in junit(report)


@pytest.mark.parametrize("drill", ["reload", "keepalived-stop"])
async def test_an_interrupted_drill_that_cannot_be_taken_back_is_not_called_undone(drill: str):
    """nginx has loaded its files anew; the VIP has moved."""
    report = await in_mid_run(drill)
    assert (report.exit_code, report.ending) == (1, "failed")
    assert report.failures[0].text.endswith("and not undone")


async def test_what_is_under_way_ends_however_often_it_is_interrupted():
    waiting, gate = WaitThrough(SHORT_S), asyncio.Event()

    async def undone() -> str:
        await gate.wait()
        return "undone"

    task = asyncio.create_task(waiting.ended(asyncio.ensure_future(undone())))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(2 * SHORT_S)
    assert not task.done()
    gate.set()
    assert await task == "undone"
    assert waiting.tried


async def test_what_it_raises_is_raised_after_an_interrupt_too():
    async def fails() -> None:
        raise LookupError("gone")

    waiting = WaitThrough(SHORT_S)
    with pytest.raises(LookupError, match="gone"):
        await waiting.ended(asyncio.ensure_future(fails()))
    with pytest.raises(LookupError, match="gone"):
        await waiting.check(fails())
    assert not waiting.tried


async def test_a_look_is_given_up_only_after_an_interrupt():
    waiting = WaitThrough(SHORT_S)
    task = asyncio.create_task(waiting.check(never()))
    await asyncio.sleep(3 * SHORT_S)
    assert not task.done()
    task.cancel()
    async with asyncio.timeout(5):
        assert await task is None


async def test_looks_after_an_interrupt_have_their_time_all_together():
    waiting = WaitThrough(SHORT_S)
    waiting.tried = True
    assert await waiting.check(never()) is None
    began = asyncio.get_running_loop().time()
    assert await waiting.check(never()) is None
    assert asyncio.get_running_loop().time() - began < SHORT_S
