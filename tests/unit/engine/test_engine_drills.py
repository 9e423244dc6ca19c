"""A drill is a plan for the one engine: what it does on the pair, and what is left when it is cut."""

from __future__ import annotations

import json

import pytest

from iamops.judge.run import Outcome
from iamops.plan.action import DrillAction
from iamops.session.drills.files import load_drill
from tests.support.pair import Bench, Killed
from tests.support.profiles import FENCING, pair

SAFETY = {"dead_man_s": 30, "anti_flap_s": 0}


def bench(**changes: object) -> Bench:
    return Bench(pair(safety=SAFETY, fencing=FENCING, **changes))


async def drilled(made: Bench, name: str):
    return await made.engine.run(made.order(DrillAction(load_drill(name))), lambda report: None)


@pytest.mark.parametrize("name", ["keepalived-stop", "switchover", "reload", "backend-loss"])
async def test_a_drill_runs_through_and_leaves_a_whole_pair(name: str):
    made = bench()
    report = await drilled(made, name)
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    assert made.world.whole() == []


@pytest.mark.parametrize(("name", "unit"), [("keepalived-stop", "keepalived"), ("backend-loss", "iam-apiserver")])
async def test_a_unit_that_is_started_and_dies_again_and_again_fails_the_drill(name: str, unit: str):
    made = bench()
    machines = {each: machine for each, machine in made.world.machines.items() if unit in machine.pids}

    def dies() -> None:
        for machine in machines.values():
            machine.pids[unit] = machine.pids.get(unit, 1000) + 1

    made.world.on_look = dies
    report = await drilled(made, name)
    assert report.outcome is Outcome.FAILED, report.sentence
    assert f"{unit} on " in report.sentence
    assert "does not stay up: process" in report.sentence


async def test_the_roles_follow_the_vip():
    made = bench()
    await drilled(made, "keepalived-stop")
    assert made.world.owner == "iam-b"
    report = await drilled(made, "keepalived-stop")
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    assert made.world.owner == "iam-a"


async def test_an_unsteady_pair_is_refused_and_untouched():
    made = bench()
    del made.world.machines["iam-b"].pids["iam-pump"]
    made.world.tell()
    report = await drilled(made, "keepalived-stop")
    assert report.outcome is Outcome.REFUSED
    assert {denial.code for denial in report.denials} == {"unsteady"}
    assert made.hands.changes == []


async def test_a_vip_that_does_not_stay_fails_the_drill():
    """The old owner takes the VIP back while it is watched: preemption."""
    made = bench()
    order = made.order(DrillAction(load_drill("keepalived-stop")))

    def preempt() -> None:
        if made.world.master != "iam-a" and "keepalived" in made.world.machines["iam-a"].pids:
            made.world.master = "iam-a"
            made.world.tell()

    made.eyes.on_wait = preempt
    report = await made.engine.run(order, lambda report: None)
    assert report.outcome is Outcome.FAILED
    assert "not on iam-b" in report.sentence


@pytest.mark.parametrize("at", range(14))
async def test_a_drill_killed_at_any_command_comes_back_by_the_nodes_timers(at: int):
    made = bench()
    seen = 0

    def cut(number: int, argv: object) -> None:
        nonlocal seen
        seen = number
        if number == at:
            raise Killed

    made.hands.after = cut
    try:
        await drilled(made, "keepalived-stop")
    except Killed:
        made.world.fire_timers()
    assert made.world.whole() == []


async def test_a_machine_is_taken_away_and_brought_back_from_here():
    made = bench(datastores={})
    report = await drilled(made, "power-off")
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    assert made.hands.here_ran == [("power-off", "iam-a"), ("power-on", "iam-a")]
    assert made.hands.waiting == {}
    assert made.world.owner == "iam-b"


async def test_the_undo_of_a_lost_machine_waits_here_when_we_are_killed():
    made = bench(datastores={})

    async def killed(argv: object, *, timeout_s: float) -> None:
        raise Killed

    made.hands.run_here = killed
    with pytest.raises(Killed):
        await drilled(made, "power-off")
    assert made.hands.waiting == {"machine power-on@iam-a": ("power-on", "iam-a")}


async def test_a_drill_that_takes_a_machine_away_is_refused_outside_of_a_lab():
    made = bench(environment="staging", network_namespace=None, datastores={})
    report = await drilled(made, "power-off")
    assert [denial.code for denial in report.denials] == ["disruptive"]


async def test_without_fencing_no_machine_can_be_taken_away():
    made = Bench(pair(safety=SAFETY, datastores={}))
    report = await drilled(made, "power-off")
    assert {denial.code for denial in report.denials} == {"no-fencing"}


async def test_the_only_node_of_a_datastore_is_not_powered_off():
    report = await drilled(bench(), "power-off")
    assert "datastore-spof" in {denial.code for denial in report.denials}


async def test_what_the_backends_answered_is_kept():
    made = bench()
    made.hands.split = {"iam.api.marmotedu.com": {"backends": {"iam-a": 5, "iam-b": 5}}}
    report = await drilled(made, "load-balance")
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    assert json.loads(report.steps[0].output) == made.hands.split


async def test_an_undo_that_would_fire_in_mid_drill_is_refused():
    made = Bench(pair(safety={"dead_man_s": 12, "anti_flap_s": 0}, fencing=FENCING))
    report = await drilled(made, "nginx-hang")
    assert [denial.code for denial in report.denials] == ["dead-man-too-short"]
