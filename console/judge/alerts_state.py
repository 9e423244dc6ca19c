"""What the alerts are made of: the policy, what is seen at a moment, and what is kept in mind between two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from console.judge.alerts_flap import Damper, Limits
from console.judge.alerts_open import Case, Patience
from console.judge.findings import Blind, Finding, Key
from console.judge.silence import Silence
from console.model.facts import RANK, Severity
from console.model.state import VipMove


@dataclass(frozen=True, slots=True)
class Policy:
    """What is told, and how soon. `floor` is for findings; VIP moves are always told."""

    floor: Severity = Severity.WARNING
    patience: Patience = field(default_factory=Patience)
    limits: Limits = field(default_factory=Limits)
    remind_every_s: float | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A VIP move that was seen, and what stood around it then."""

    move: VipMove
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen at one moment. `moves` are those since the last step; `findings` is None when they were not
    asked for. `owners`: VRRP instance -> the one node that holds its VIP, where that is known. `split`: instances
    whose VIP several nodes hold. `unseen`: nodes about which nothing can be said now; `blind`: questions that
    cannot be answered. `during`: the action or drill that is running, if one is.
    """

    moves: tuple[Moved, ...] = ()
    findings: tuple[Finding, ...] | None = None
    owners: Mapping[str, str] = field(default_factory=dict)
    split: frozenset[str] = frozenset()
    unseen: frozenset[str] = frozenset()
    blind: tuple[Blind, ...] = ()
    silence: Silence | None = None
    during: str = ""


@dataclass(frozen=True, slots=True)
class VipMemory:
    """One VIP: where it was last seen, a mismatch and since when, its damper, and the nodes of a sum.

    `split`: several nodes have held it since it was last seen on one.
    """

    seen_on: str | None = None
    strayed_since: float | None = None
    damper: Damper = field(default_factory=Damper)
    between: frozenset[str] = frozenset()
    split: bool = False


@dataclass(frozen=True, slots=True)
class Hush:
    """A silence that holds, and how much was held back in it."""

    silence: Silence
    moves: int = 0
    cases: int = 0


@dataclass(frozen=True, slots=True)
class Alerts:
    """Everything that must be kept in mind between two looks. `looked_at`: the last one at the findings.

    `vips`: VRRP instance -> address. `command`: how iamops is called for this cluster.
    """

    profile: str
    vips: Mapping[str, str]
    policy: Policy = field(default_factory=Policy)
    command: str = "iamops"
    memory: Mapping[str, VipMemory] = field(default_factory=dict)
    cases: Mapping[Key, Case] = field(default_factory=dict)
    dampers: Mapping[Key, Damper] = field(default_factory=dict)
    looked_at: float | None = None
    reminded_at: float = 0.0
    hush: Hush | None = None

    def flaps(self, key: Key) -> bool:
        damper = self.dampers.get(key)
        return damper is not None and damper.flapping

    @property
    def told(self) -> tuple[Case, ...]:
        """What the receivers know to be so, the worst first."""
        known = (case for case in self.cases.values() if case.told_as is not None)
        return tuple(sorted(known, key=lambda case: (RANK[case.severity], case.first)))
