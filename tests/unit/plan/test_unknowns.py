"""No unknown is read as a fact: every value of the state is made unknown in turn, for each action, drill and push.

Each time the action must be refused with that reason, or its plan must say what is not known. Where neither
happens the value must play no part: whatever it were, the plan and the denials would be the same.
"""

from __future__ import annotations

from collections.abc import Iterable
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
from iamops.model.running import FilesReport, Unloaded
from iamops.model.state import ClusterState
from iamops.plan.action import Action, Switchover
from iamops.plan.build import plan_for
from iamops.plan.denial import GuardContext
from iamops.plan.steps import confirmation
from iamops.plan.switchover import SwitchoverPlanner
from iamops.plan.unknowns import unknown_notes
from iamops.report.run import plan_document
from tests.support.cluster_states import NOW, OK, VIP, files, healthy
from tests.support.every_action import NGINX_CONF, every_action
from tests.support.observed_values import PROFILE, Path, base, get, observed, put, untold
from tests.support.profiles import pair

WHY = "nobody has told"
AT = NOW + 1
BAD = ProbeReport(ProbeOutcome.REFUSED, detail="connection refused")
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
            return (ConfigReport((NGINX_CONF,)),)
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


ACTIONS = every_action(PROFILE)
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


class ActsOnMore(SwitchoverPlanner):
    """Also touches units that the profile does not have where it does: nobody watches them."""

    def acted_on(self, nodes: tuple[str, ...]) -> Iterable[tuple[str, str]]:
        yield from (("sshd", "iam-a"), ("iam-apiserver", "iam-b"), ("nginx", "iam-b"))


def test_a_unit_that_nobody_watches_is_told_as_not_known():
    services = {"iam-apiserver": {"port": 8080, "domain": "iam.api.marmotedu.com", "nodes": ["iam-a"]}}
    state = healthy(NOW, pair(services=services))
    plan = plan_for(Switchover(), state, AT)
    assert unknown_notes(plan, SwitchoverPlanner(Switchover(), state, AT)) == ()
    assert unknown_notes(plan, ActsOnMore(Switchover(), state, AT)) == tuple(
        f"the state of {unit} is not known (the profile has no such unit there), so nothing is checked about it"
        for unit in ("sshd on iam-a", "iam-apiserver on iam-b")
    )
