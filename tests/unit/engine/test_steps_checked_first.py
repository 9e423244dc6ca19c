"""A daemon that would not come back with its files is not taken away: asked before anything is touched."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from iamops.engine.ports import CommandAnswer
from iamops.judge.run import Outcome, RunReport
from iamops.plan.action import Action, DrillAction, RollingRestart, Switchover
from iamops.plan.build import plan_for
from iamops.plan.step_builders import CONFIG_INVALID
from iamops.session.drills.files import load_drill
from tests.support.cluster_states import NOW, healthy
from tests.support.pair import Bench
from tests.support.profiles import FENCING, pair

PROFILE = pair(safety={"dead_man_s": 60, "anti_flap_s": 0}, fencing=FENCING)
CHECKS = {
    "keepalived": ("sudo", "-n", "/usr/sbin/keepalived", "-t"),
    "nginx": ("sudo", "-n", "/usr/sbin/nginx", "-t", "-q"),
}
BROKEN = CommandAnswer(1, "", "(Line 53) WARNING - interface eth7 for vrrp_instance VI_1 doesn't exist")


def drill(name: str) -> DrillAction:
    return DrillAction(load_drill(name), disruptive=True)


# What is done, and the daemons that it starts again with the nodes that they are on.
STARTED: list[tuple[Action, list[tuple[str, str]]]] = [
    (Switchover(), [("keepalived", "iam-a")]),
    (Switchover(plain=True), [("keepalived", "iam-a")]),
    (drill("keepalived-stop"), [("keepalived", "iam-a")]),
    (drill("switchover"), [("keepalived", "iam-a"), ("keepalived", "iam-b")]),
    (drill("nginx-stop"), [("nginx", "iam-a")]),
    (drill("reload"), [("nginx", "iam-a"), ("nginx", "iam-b")]),
    (drill("power-off"), [("keepalived", "iam-a"), ("nginx", "iam-a")]),
]
NAMES = [each.sentence for each, _ in STARTED]


@pytest.mark.parametrize(("action", "started"), STARTED, ids=NAMES)
def test_every_daemon_that_is_started_again_is_asked_first_and_once(
    action: Action, started: list[tuple[str, str]]
):
    plan = plan_for(action, healthy(NOW, PROFILE), NOW + 1)
    checks = [(step.argv, step.node) for step in plan.steps if step.refuses == CONFIG_INVALID]
    assert checks == [(CHECKS[unit], node) for unit, node in started]
    assert all(step.refuses == CONFIG_INVALID for step in plan.steps[: len(checks)]), "before anything else"


CASES = [(action, unit) for action, started in STARTED for unit in dict.fromkeys(unit for unit, _ in started)]


@pytest.mark.parametrize(("action", "unit"), CASES)
async def test_broken_files_are_refused_and_nothing_was_touched(action: Action, unit: str):
    bench = Bench(PROFILE)
    bench.hands.answers[CHECKS[unit]] = BROKEN
    order = bench.order(action, overrides=("datastore-spof",), reason="a lab")
    report = await bench.engine.run(order, lambda _: None)
    assert report.outcome is Outcome.REFUSED, report.sentence
    assert [denial.code for denial in report.denials] == ["config-invalid"]
    assert "eth7" in report.sentence
    assert set(bench.hands.changes) <= {check[2:] for check in CHECKS.values()}
    assert (bench.world.owner, bench.hands.here_ran, bench.world.whole()) == ("iam-a", [], [])


@pytest.mark.parametrize("action", [Switchover(), drill("keepalived-stop")])
async def test_who_insists_is_not_asked(action: Action):
    bench = Bench(PROFILE)
    bench.hands.answers[CHECKS["keepalived"]] = BROKEN
    order = bench.order(action, overrides=("config-invalid",), reason="it starts")
    report = await bench.engine.run(order, lambda _: None)
    assert report.outcome is Outcome.SUCCEEDED, report.sentence


class Broken(Bench):
    """The files of this unit are broken on one node only."""

    def __init__(self, unit: str, node: str) -> None:
        super().__init__(PROFILE)
        run = self.hands.run

        async def answered(
            at: str, argv: Sequence[str], *, stdin: str, timeout_s: float, **options: str | None
        ) -> CommandAnswer:
            if (tuple(argv), at) == (CHECKS[unit], node):
                return BROKEN
            return await run(at, argv, stdin=stdin, timeout_s=timeout_s, **options)

        self.hands.run = answered  # type: ignore[method-assign]

    async def asked(self, action: Action, *overrides: str) -> RunReport:
        overrides = ("datastore-spof", *overrides)
        order = self.order(action, overrides=overrides, reason="a lab")
        return await self.engine.run(order, lambda _: None)


# Several daemons are asked first; the files of one that is not the first are broken.
SECOND = pytest.mark.parametrize(
    ("name", "unit", "node"),
    [("power-off", "nginx", "iam-a"), ("switchover", "keepalived", "iam-b"), ("reload", "nginx", "iam-b")],
)


@SECOND
async def test_a_refusal_names_its_node_and_unit_and_who_insists_on_that_is_not_refused_again(
    name: str, unit: str, node: str
):
    bench, action = Broken(unit, node), drill(name)
    (denial,) = (await bench.asked(action)).denials
    assert (denial.code, denial.node, denial.subjects, denial.overridable) == (CONFIG_INVALID, node, (unit,), True)
    named = f"{CONFIG_INVALID}@{node}/{unit}"
    assert f"--override {named} " in denial.sentence
    done = await bench.asked(action, named)
    assert done.outcome is Outcome.SUCCEEDED, done.sentence
    asked = [(each.step.node, each.step.subject) for each in done.steps if each.step.refuses == CONFIG_INVALID]
    assert asked, "what was not shown is asked as before"
    assert (node, unit) not in asked


@SECOND
async def test_a_code_alone_leaves_out_none_of_several_checks(name: str, unit: str, node: str):
    (denial,) = (await Broken(unit, node).asked(drill(name), CONFIG_INVALID)).denials
    assert (denial.node, denial.subjects) == (node, (unit,))


async def test_a_check_that_fails_between_two_nodes_says_how_to_insist_too():
    bench, action = Broken("nginx", "iam-a"), RollingRestart("nginx")
    report = await bench.asked(action)
    assert report.outcome is Outcome.FAILED
    assert '(--override config-invalid@iam-a/nginx --reason "…" to insist)' in report.sentence
    done = await bench.asked(action, "config-invalid@iam-a/nginx")
    assert done.outcome is Outcome.SUCCEEDED, done.sentence


def test_a_drill_that_starts_neither_asks_neither():
    for name in ("backend-loss", "nginx-hang", "node-freeze", "load-balance"):
        plan = plan_for(drill(name), healthy(NOW, PROFILE), NOW + 1)
        assert not any(step.refuses == CONFIG_INVALID for step in plan.steps), name
