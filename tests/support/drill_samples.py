"""Evidence and reports of drills, as the lab gave them, for the judge's tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from iamops.judge.drill.evidence import (
    AddressSeen,
    DrillEvidence,
    DrillRunPlan,
    DrillStepRun,
    StateSeen,
    invariants,
)
from iamops.judge.drill.judgement import failures, measures
from iamops.judge.drill.report import ClientView, DrillReport, DrillVerdict, NodeFacts, TimelineEntry
from iamops.judge.run import Stage, StepReport
from iamops.model.drill import Drill, resolved_steps
from iamops.model.facts import VrrpState
from iamops.model.outage import Gap
from iamops.model.running import LiveCheck, LiveVrrp
from iamops.plan.denial import Denial
from iamops.plan.steps import Step, StepKind
from iamops.session.drills.files import load_drill

CHECK = LiveCheck("check_nginx", 5.0, 3.0, 1, 2)
LIVE = {
    "iam-a": LiveVrrp("VI_1", 100, 1.0, True, 51, 2, (CHECK,)),
    "iam-b": LiveVrrp("VI_1", 50, 1.0, True, 51, 2, (CHECK,)),
}
T = 1_000.0
BEGAN = 1_795_442_415.125


def course(drill: Drill, owner: str = "iam-a", **live: LiveVrrp) -> DrillRunPlan:
    standby = "iam-b" if owner == "iam-a" else "iam-a"
    names = {name.replace("_", "-"): value for name, value in live.items()}
    return DrillRunPlan(resolved_steps(drill, owner, standby, "iam-a"), LIVE | names, 0.25)


def address(at: float, node: str, present: bool) -> AddressSeen:
    return AddressSeen(T + at, T + at - 0.001, 0.002, node, present)


def state(at: float, node: str, word: str) -> StateSeen:
    """The journal's line comes a little later than the kernel's event, though it was written before."""
    return StateSeen(T + at + 0.01, T + at - 0.002, 0.002, node, VrrpState[word])


def gap(at: float, seconds: float, refused: int = 0, dark: int = 80) -> Gap:
    spent = {"refused": 10.0 * refused, "dark": 10.0 * dark}
    return Gap(T + at, T + at + seconds, seconds * 1000, refused, dark, 0, "iam-a", "iam-b", 10.0, spent)


def done(title: str, began_s: float, ended_s: float, text: str) -> StepReport:
    step = Step(StepKind.DO, title, "iam-a", ("true",), 5.0)
    return StepReport(step, Stage.DONE, BEGAN + began_s, BEGAN + ended_s, text)


def keepalived_stop(**changes: Any) -> DrillEvidence:
    """`keepalived-stop` from iam-a, as it was measured: 0.81 s, and nothing afterwards."""
    seen = DrillEvidence(
        owner="iam-a",
        began=T,
        ended=T + 6.5,
        step_runs=(
            DrillStepRun(0, "stop keepalived on iam-a", "done", T + 0.1, T + 1.3),
            DrillStepRun(1, "start keepalived on iam-a", "done", T + 1.4, T + 5.3),
        ),
        addresses=(address(0.12, "iam-a", False), address(0.93, "iam-b", True)),
        states=(state(0.93, "iam-b", "MASTER"), state(1.5, "iam-a", "BACKUP")),
        gaps=(gap(0.125, 0.81),),
        notify={"iam-a": ("STOP", "BACKUP"), "iam-b": ("MASTER",)},
        live_after=LIVE,
    )
    return replace(seen, **changes)


def report(evidence: DrillEvidence | None = None, **changes: Any) -> DrillReport:
    """A whole report of `keepalived-stop`."""
    evidence = evidence or keepalived_stop()
    drill = load_drill("keepalived-stop")
    way = course(drill)
    measured = measures(way, evidence)
    found = failures(way, evidence, measured)
    made = DrillReport(
        drill=drill.name,
        title=drill.title,
        profile="lab",
        environment="lab",
        run="4312230f",
        who="ada@desk",
        began_at=BEGAN,
        duration_s=6.5,
        verdict=DrillVerdict.FAIL if found else DrillVerdict.PASS,
        sentence="everything as theory allows",
        failures=found,
        measures=measured,
        invariants=invariants(way, evidence),
        steps=(
            done("stop keepalived on iam-a", 0.1, 1.3, "keepalived is inactive"),
            done("start keepalived on iam-a", 1.4, 1.6, "keepalived is active"),
        ),
        timeline=(
            TimelineEntry(0.119, "iam-a", "kernel", "let go of VIP 10.0.4.99", 2.0),
            TimelineEntry(0.125, None, "client", "dark"),
        ),
        client=ClientView(640, 80, 810.0, 810.0, 0.0, 810.0, 0.0, 0.0, 11.0, ((0.125, 810.0, 0, 80, 0),)),
        nodes=(
            NodeFacts("iam-a", "2.2.7", "1.22.1", 0.4, 0.8, {"priority": 100}),
            NodeFacts("iam-b", None, None, None, None),
        ),
    )
    return replace(made, **changes)


def refused() -> DrillReport:
    denial = Denial("standby-fault", "iam-b is in FAULT and would not take the VIP", node="iam-b")
    return report(
        verdict=DrillVerdict.REFUSED, denials=(denial,), measures=(), invariants=(), failures=(), client=None
    )
