"""A drill's roles: whom each step means, as the VIP moves from step to step."""

from __future__ import annotations

from iamops.model.drill import (
    EACH,
    OTHER,
    OWNER,
    PREFERRED,
    STANDBY,
    Bound,
    Drill,
    DrillStep,
    DrillVerb,
    VipMovesTo,
    resolved_steps,
)

A, B = "iam-a", "iam-b"


def drill(*method: DrillStep, restore: tuple[DrillStep, ...] = ()) -> Drill:
    return Drill("x", "X", "", (), method, restore, 60.0, "x.yaml")


def resolved(*method: DrillStep, restore: tuple[DrillStep, ...] = ()):
    return resolved_steps(drill(*method, restore=restore), A, B, A)


STOP = DrillStep(DrillVerb.STOP, "keepalived", OWNER, expect=(VipMovesTo(STANDBY, Bound("0", ())),))
START = DrillStep(DrillVerb.START, "keepalived", OTHER)


def test_roles_are_as_of_the_beginning_of_each_step():
    stop, start = resolved(STOP, restore=(START,))
    assert (stop.owner, stop.standby, stop.target, stop.moves_vip) == (A, B, A, True)
    assert (start.owner, start.standby) == (B, A)


def test_a_vip_that_is_not_expected_to_move_stays():
    (step,) = resolved(DrillStep(DrillVerb.STOP, "iam-pump", STANDBY))
    assert (step.target, step.next_owner, step.moves_vip) == (B, A, False)


def test_a_switchover_moves_it_to_the_standby_without_saying_so():
    first, second = resolved(DrillStep(DrillVerb.SWITCHOVER), DrillStep(DrillVerb.SWITCHOVER))
    assert (first.next_owner, second.owner, second.next_owner) == (B, B, A)


def test_of_two_masters_that_meet_the_preferred_one_stays():
    *_, thaw = resolved(STOP, DrillStep(DrillVerb.THAW, "keepalived", A))
    assert (thaw.owner, thaw.next_owner) == (B, A)


def test_a_role_is_a_node_and_a_nodes_own_name_is_left():
    (step,) = resolved(DrillStep(DrillVerb.STOP, "nginx", OWNER))
    assert [step.node(who) for who in (OWNER, STANDBY, PREFERRED, OTHER, "iam-c")] == [A, B, A, B, "iam-c"]


def test_a_step_on_each_acts_on_all_and_its_check_is_the_owners():
    (step,) = resolved(DrillStep(DrillVerb.RESTART, "iam-pump", EACH))
    assert step.nodes((A, B)) == (A, B)
    assert step.acted_on == A
    assert step.unit == "iam-pump"


def test_a_drill_is_disruptive_where_any_of_its_steps_takes_a_machine_away():
    assert not drill(STOP, restore=(START,)).disruptive
    assert drill(STOP, restore=(DrillStep(DrillVerb.POWER_OFF, None, OWNER),)).disruptive
