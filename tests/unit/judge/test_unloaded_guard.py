"""What may be loaded and cannot be compared is refused or said, where a daemon would read its files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.events import FilesExamined
from iamops.model.running import Unloaded
from iamops.plan.action import Action, DrillAction, ServiceAction, Switchover, UnitVerb
from iamops.plan.build import plan_for
from iamops.plan.denial import Denial, GuardContext
from iamops.session.drills.files import load_drill
from tests.support.cluster_states import NOW, fed, files, healthy
from tests.support.profiles import pair

AT = NOW + 1
RELOAD = ServiceAction(UnitVerb.RELOAD, "keepalived", "iam-a")
READING = (RELOAD, ServiceAction(UnitVerb.RESTART, "keepalived", "iam-a"), Switchover())
NOT_READING = (
    ServiceAction(UnitVerb.STOP, "keepalived", "iam-a"),
    ServiceAction(UnitVerb.RELOAD, "nginx", "iam-a"),
    ServiceAction(UnitVerb.RESTART, "keepalived", "iam-b"),
)


def asked(action: Action, unloaded: Unloaded) -> tuple[tuple[Denial, ...], str]:
    """The guard's denials and the plan's notes, with that much to load for iam-a's keepalived."""
    report = replace(files(pair(), "iam-a"), unloaded={"keepalived": unloaded})
    state = fed(healthy(), [FilesExamined(NOW, "iam-a", report)])
    plan = plan_for(action, state, AT)
    said = denials(GuardContext(plan, state, AT))
    return tuple(each for each in said if each.code == "unloaded-changes"), " ".join(plan.notes)


@pytest.mark.parametrize("action", READING, ids=lambda a: a.sentence)
def test_what_may_be_loaded_and_is_not_known_is_refused_and_may_be_insisted_on(action: Action):
    (said,), _ = asked(action, Unloaded(unknown=("keepalived.conf was not read",)))
    assert said.overridable
    assert said.reason == (
        "whether keepalived on iam-a would load other files than it runs with is not known: "
        "keepalived.conf was not read"
    )


@pytest.mark.parametrize("action", READING, ids=lambda a: a.sentence)
def test_what_would_make_two_masters_is_refused_and_nobody_can_insist(action: Action):
    (said,), _ = asked(action, Unloaded(conflicts=("VI_1: virtual_router_id would differ from iam-b (52, 51)",)))
    assert not said.overridable
    assert "would load other files than it runs with: VI_1: virtual_router_id would differ" in said.reason


def test_what_is_known_to_change_comes_before_what_is_not_known():
    (said,), _ = asked(RELOAD, Unloaded(differences=("priority 40",), unknown=("x was not read",)))
    assert "would load other files than it runs with: priority 40; x was not read; " in said.reason


@pytest.mark.parametrize("action", READING, ids=lambda a: a.sentence)
def test_a_peer_that_cannot_be_compared_with_is_a_note_and_refuses_nothing(action: Action):
    assert asked(action, Unloaded(unseen=("iam-b is not compared with",)))[0] == ()
    assert "iam-b is not compared with" in asked(action, Unloaded(unseen=("iam-b is not compared with",)))[1]


DRILLS = {
    "power-off": True,
    "keepalived-stop": True,
    "switchover": True,
    "node-freeze": False,
    "nginx-stop": False,
    "backend-loss": False,
}


@pytest.mark.parametrize("name", DRILLS)
def test_a_drill_that_makes_a_node_boot_loads_files_as_one_that_starts_keepalived_does(name: str):
    fencing = {verb: [verb, "{node}"] for verb in ("power-off", "power-on", "freeze", "thaw")}
    report = replace(files(pair(), "iam-a"), unloaded={"keepalived": Unloaded(unknown=("x changed",))})
    state = fed(healthy(NOW, pair(fencing=fencing)), [FilesExamined(NOW, "iam-a", report)])
    plan = plan_for(DrillAction(load_drill(name), disruptive=True), state, AT)
    assert plan.steps
    codes = [each.code for each in denials(GuardContext(plan, state, AT))]
    assert ("unloaded-changes" in codes) is DRILLS[name]


@pytest.mark.parametrize("action", NOT_READING, ids=lambda a: a.sentence)
def test_an_action_that_does_not_make_it_read_its_files_says_nothing(action: Action):
    denied, notes = asked(action, Unloaded(unknown=("x was not read",), unseen=("nobody was seen",)))
    assert denied == ()
    assert "nobody was seen" not in notes
