"""Evidence and reports of drills, as the lab gave them, for the judge's tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from console.judge.denial import Denial
from console.judge.drill_course import Course
from console.judge.drill_evidence import AddressSeen, Evidence, LegRun, StateSeen
from console.judge.drill_invariants import invariants
from console.judge.drill_measures import measures
from console.judge.drill_report import ClientView, DrillReport, Entry, NodeFacts, StepLine, Verdict
from console.judge.drill_verdict import failures
from console.model.drill import Drill
from console.model.facts import VrrpState
from console.model.gap import Gap
from console.model.live import LiveCheck, LiveVrrp
from console.plan.legs import legs
from console.session.drills import load_drill

CHECK = LiveCheck("check_nginx", 5.0, 3.0, 1, 2)
LIVE = {
    "iam-a": LiveVrrp("VI_1", 100, 1.0, True, 51, 2, (CHECK,)),
    "iam-b": LiveVrrp("VI_1", 50, 1.0, True, 51, 2, (CHECK,)),
}
T = 1_000.0


def course(drill: Drill, owner: str = "iam-a", **live: LiveVrrp) -> Course:
    standby = "iam-b" if owner == "iam-a" else "iam-a"
    names = {name.replace("_", "-"): value for name, value in live.items()}
    return Course(legs(drill, owner, standby, "iam-a"), LIVE | names, 0.25)


def address(at: float, node: str, present: bool) -> AddressSeen:
    return AddressSeen(T + at, T + at - 0.001, 0.002, node, present)


def state(at: float, node: str, word: str) -> StateSeen:
    """The journal's line comes a little later than the kernel's event, though it was written before."""
    return StateSeen(T + at + 0.01, T + at - 0.002, 0.002, node, VrrpState[word])


def gap(at: float, seconds: float, refused: int = 0, dark: int = 80) -> Gap:
    spent = {"refused": 10.0 * refused, "dark": 10.0 * dark}
    return Gap(T + at, T + at + seconds, seconds * 1000, refused, dark, 0, "iam-a", "iam-b", 10.0, spent)


def keepalived_stop(**changes: Any) -> Evidence:
    """`keepalived-stop` from iam-a, as it was measured: 0.81 s, and nothing afterwards."""
    seen = Evidence(
        owner="iam-a",
        began=T,
        ended=T + 6.5,
        legs=(
            LegRun(0, "stop keepalived on iam-a", "done", T + 0.1, T + 1.3),
            LegRun(1, "start keepalived on iam-a", "done", T + 1.4, T + 5.3),
        ),
        addresses=(address(0.12, "iam-a", False), address(0.93, "iam-b", True)),
        states=(state(0.93, "iam-b", "MASTER"), state(1.5, "iam-a", "BACKUP")),
        gaps=(gap(0.125, 0.81),),
        notify={"iam-a": ("STOP", "BACKUP"), "iam-b": ("MASTER",)},
        live_after=LIVE,
    )
    return replace(seen, **changes)


def report(evidence: Evidence | None = None, **changes: Any) -> DrillReport:
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
        began_at=1_795_442_415.125,
        duration_s=6.5,
        verdict=Verdict.FAIL if found else Verdict.PASS,
        sentence="everything as theory allows",
        failures=found,
        measures=measured,
        invariants=invariants(way, evidence),
        steps=(
            StepLine("stop keepalived on iam-a", "iam-a", "do", "done", 0.1, 1.2, "keepalived is inactive"),
            StepLine("start keepalived on iam-a", "iam-a", "do", "done", 1.4, 0.2, "keepalived is active"),
        ),
        timeline=(
            Entry(0.119, "iam-a", "kernel", "let go of VIP 10.0.4.99", 2.0),
            Entry(0.125, None, "client", "dark"),
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
    return report(verdict=Verdict.REFUSED, denials=(denial,), measures=(), invariants=(), failures=(), client=None)
