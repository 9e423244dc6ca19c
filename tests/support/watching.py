"""Alerts fed with a made-up clock."""

from __future__ import annotations

import json
from dataclasses import replace

from iamops.judge.alerts.memory import recalled, remembered
from iamops.judge.alerts.message import Message
from iamops.judge.alerts.silence import Silence
from iamops.judge.alerts.state import Alerts, AlertSnapshot, ObservedMove, Policy
from iamops.judge.alerts.step import step
from iamops.judge.findings import NOTHING, About, Evidence, Finding
from iamops.model.facts import Severity
from iamops.model.state import VipMove

T0 = 1_700_000_000.0
VIPS = {"VI_1": "10.0.4.99"}


def finding(
    code: str = "unit-down",
    node: str | None = "iam-a",
    severity: Severity = Severity.WARNING,
    title: str = "iam-pump is inactive on iam-a",
    explains: tuple[Finding, ...] = (),
    about: About = NOTHING,
) -> Finding:
    evidence = (Evidence("inactive (dead)", "systemd", node, 0.2),)
    return Finding(code, severity, title, evidence, "look: journalctl -u iam-pump", node, explains, about=about)


DOWN = finding()
QUIET = Silence(T0, T0 + 3600, "disks are being changed", "alice@ops")


class Seen:
    """A watch whose time a test moves. `said` is everything since the last `take`."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.now = T0
        self.alerts = Alerts("lab", VIPS, policy or Policy(), "iamops --profile lab")
        self.said: list[Message] = []
        self.sight = AlertSnapshot(findings=())

    def step(self, moves: tuple[ObservedMove, ...] = ()) -> None:
        self.alerts, said = step(self.alerts, self.now, replace(self.sight, moves=moves))
        self.said += said

    def pass_time(self, seconds: float, *found: Finding, every_s: float = 0.5, **sight: object) -> None:
        self.sight = replace(self.sight, findings=found, **sight)
        for _ in range(round(seconds / every_s)):
            self.now += every_s
            self.step()

    def move(self, previous: str, node: str) -> None:
        self.sight = replace(self.sight, owners={"VI_1": node})
        self.step((ObservedMove(VipMove(self.now, "VI_1", previous, node), ("iam-b: has it",)),))

    def take(self) -> list[str]:
        said, self.said = [each.subject for each in self.said], []
        return said


def restarted(seen: Seen, after_s: float = 30.0) -> Seen:
    """The same watch after a restart: only what is on disk is left."""
    again = Seen(seen.alerts.policy)
    again.now = seen.now + after_s
    again.alerts = recalled(again.alerts, json.loads(json.dumps(remembered(seen.alerts))), again.now)
    return again
