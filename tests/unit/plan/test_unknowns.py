"""No unknown is read as a fact: every value of the state is made unknown in turn, for each action, drill and push.

Each time the action must be refused with that reason, or its plan must say what is not known. Where neither
happens the value must play no part: whatever it were, the plan and the denials would be the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from iamops.judge.guards.guards import denials
from iamops.model.facts import (
    ConfigReport,
    HostReport,
    LockHolder,
    ProbeOutcome,
    ProbeReport,
    RequestCount,
    SafetyReport,
    UnitReport,
    VrrpReport,
    VrrpState,
)
from iamops.model.observed import Known, Unknown
from iamops.model.profile import Profile
from iamops.model.running import FilesReport, LiveVrrp, Unloaded
from iamops.model.state import ClusterState
from iamops.plan.action import (
    Action,
    ConfigPush,
    Drain,
    DrainedRestart,
    DrillAction,
    RollingRestart,
    ServiceAction,
    Switchover,
    UnitVerb,
)
from iamops.plan.build import plan_for
from iamops.plan.config.change import FileChange, NodeFilesChange
from iamops.plan.denial import GuardContext
from iamops.plan.steps import confirmation
from iamops.report.run import plan_document
from iamops.session.drills.files import available_drills, load_drill
from tests.support.cluster_states import NOW, OK, VIP, files
from tests.support.observed_values import PROFILE, Path, base, get, observed, put, untold

WHY = "nobody has told"
FENCING = {verb: [verb, "{node}"] for verb in ("power-off", "power-on", "freeze", "thaw")}
AT = NOW + 1
BAD = ProbeReport(ProbeOutcome.REFUSED, detail="connection refused")
CONF = "/etc/nginx/nginx.conf"


def change(node: str) -> NodeFilesChange:
    return NodeFilesChange(node, (FileChange(CONF, "old\n", "new\n"),), {CONF: "1" * 64})


def vrrp_change(node: str) -> NodeFilesChange:
    path = "/etc/keepalived/keepalived.conf"
    return NodeFilesChange(node, (FileChange(path, "old\n", "new\n"),), {path: "1" * 64})


def actions(profile: Profile) -> Iterator[Action]:
    for node in profile.nodes:
        for unit in profile.actionable_units_on(node):
            yield from (ServiceAction(verb, unit, node) for verb in UnitVerb)
    yield from (RollingRestart(unit) for unit in profile.all_units)
    yield from (Switchover(), Switchover("iam-b"), Switchover(plain=True))
    live = {name: LiveVrrp.of_profile(profile.instance, node) for name, node in profile.nodes.items()}
    told = {name: replace(each, assumed=False) for name, each in live.items()}
    yield from (DrillAction(load_drill(name), told) for name in available_drills())
    push = ConfigPush("20261128T120000Z-abcdef", ("config", "push"), {n: change(n) for n in profile.nodes})
    yield push
    yield replace(push, changes={node: vrrp_change(node) for node in profile.nodes}, incompatible=("router id",))
    drains = {node: tuple(Drain(each, "10.0.4.20:8080") for each in profile.nodes) for node in profile.nodes}
    yield replace(push, drains=drains["iam-a"])
    by_node = {node: {each: change(each) for each in profile.nodes} for node in profile.nodes}
    yield DrainedRestart("iam-apiserver", "iam-apiserver", push.push, by_node, drains)


LOCK = LockHolder("bob@there", "10.0.4.10", NOW - 5, "switchover", "abcd1234")


def alternatives(path: Path) -> tuple[Any, ...]:
    """Other values that could have been known there."""
    match path[-1], path:
        case "addresses", _:
            own = PROFILE.nodes[path[1]].address
            return ({own: NOW - 9}, {own: NOW - 9, VIP: NOW - 9})
        case _, (_, _, "vrrp", _):
            prio = PROFILE.nodes[path[1]].priority
            states = (VrrpReport(each, "json", prio, prio, NOW - 9) for each in VrrpState)
            return (*states, VrrpReport(VrrpState.BACKUP, "json", prio, prio + 60, NOW - 3600))
        case _, (_, _, "units", _):
            return (UnitReport("inactive", "dead"), UnitReport("failed", "failed"), UnitReport("active", "", 1, 5))
        case "requests", _:
            return (RequestCount(0), RequestCount(9000, {"5xx": 9000}))
        case "host", _:
            return (HostReport(90.0, 99.0, 99.0, 0.4, 0.8), HostReport(0.1, 1.0, 1.0, 9e6, 1.0))
        case "safety", _:
            return (SafetyReport((), LOCK, ("VI_1",)), SafetyReport(("nginx",), None, ("VI_1",)), SafetyReport())
        case "files", _:
            conflict = Unloaded(conflicts=("VI_1: two masters",))
            units = dict.fromkeys(("keepalived", "nginx"), conflict)
            own = files(PROFILE, path[1])
            return (
                FilesReport(),
                replace(own, unloaded=units),
                replace(own, unloaded={"keepalived": Unloaded(("x",))}),
                replace(own, unloaded=dict.fromkeys(("keepalived", "nginx"), Unloaded(unknown=("x",)))),
                replace(own, unloaded=dict.fromkeys(("keepalived", "nginx"), Unloaded(unseen=("x",)))),
            )
        case "config", _:
            return (ConfigReport((CONF,)),)
        case _:
            return (OK, BAD)


@dataclass(frozen=True)
class Outcome:
    """What an operator would be told, without the fingerprint."""

    plan: dict[str, Any]
    denied: tuple[str, ...]
    asked: str

    @classmethod
    def of(cls, action: Action, state: ClusterState) -> Outcome:
        plan = plan_for(action, state, AT)
        said = denials(GuardContext(plan, state, AT))
        told = {key: value for key, value in plan_document(plan).items() if key != "fingerprint"}
        return cls(told, tuple(d.sentence for d in said), str(confirmation(plan, state, AT)))

    @property
    def text(self) -> str:
        return " ".join((self.plan["prediction"], *self.plan["notes"], *self.denied))


ACTIONS = tuple(actions(PROFILE))
STATE = base()
PATHS = tuple(observed(STATE))
UNTOLD = tuple(untold(STATE))


def test_the_healthy_pair_is_known_whole_and_refuses_nothing():
    for action in ACTIONS:
        outcome = Outcome.of(action, STATE)
        assert "not known" not in outcome.text, action.sentence
        allowed = ("datastore-spof", "disruptive", "unsteady", "last-backend")
        assert [d for d in outcome.denied if not d.startswith(allowed)] == [], action.sentence


@pytest.mark.parametrize("action", ACTIONS, ids=lambda a: a.sentence)
def test_an_unknown_value_is_refused_or_said_or_plays_no_part(action: Action):
    wrong: list[str] = []
    known = Outcome.of(action, STATE)
    for path in PATHS:
        outcome = Outcome.of(action, put(STATE, path, Unknown(WHY, NOW)))
        if WHY in outcome.text:
            continue
        others = [Outcome.of(action, put(STATE, path, Known(v, NOW))) for v in alternatives(path)]
        if any(other != known for other in others) or outcome != known:
            wrong.append(".".join(map(str, path)))
    assert wrong == []


@pytest.mark.parametrize("action", ACTIONS, ids=lambda a: a.sentence)
def test_what_a_daemon_does_not_tell_is_no_number(action: Action):
    """A report without a priority, a process or a time: refused, said, or of no consequence."""
    wrong: list[str] = []
    known = Outcome.of(action, STATE)
    for path, field in UNTOLD:
        report = get(STATE, path).value
        outcome = Outcome.of(action, put(STATE, path, Known(replace(report, **{field: None}), NOW)))
        if outcome == known:
            number = get(report, (field,))
            other = Outcome.of(action, put(STATE, path, Known(replace(report, **{field: number + 77}), NOW)))
            wrong += [".".join((*path, field))] if other != known else []
        elif not any(word in outcome.text for word in ("not known", "does not tell", "names no")):
            wrong.append(".".join((*path, field)))
    assert wrong == []


def test_how_many_combinations_were_asked(capsys: pytest.CaptureFixture[str]):
    count = len(ACTIONS) * (len(PATHS) + len(UNTOLD))
    with capsys.disabled():
        print(f"\n{len(ACTIONS)} actions x {len(PATHS)} values and {len(UNTOLD)} fields: {count} combinations")
    assert count > 3000
