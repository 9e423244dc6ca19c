"""What rules and triage answer: findings with their evidence and the next safe step, and what cannot be judged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from iamops.model.facts import RANK, Severity
from iamops.model.profile import DatastoreKind
from iamops.model.text import lasting

# How the step of a finding begins that an action under way brings about.
NOTHING_DURING = "nothing to do: during"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One observed value: what was seen, its source, on which node, and how old it is in seconds.

    `node` is None for what belongs to no node; `age_s` is None for what carries no time.
    """

    value: str
    source: str = ""
    node: str | None = None
    age_s: float | None = None

    def __str__(self) -> str:
        """The value first: it is what a reader looks for. `iam-a: MASTER (keepalived's dump, 0.4 s ago)`."""
        origin = [self.source] if self.source else []
        if self.age_s is not None:
            # To a tenth of a second while that says anything.
            age = f"{max(0.0, self.age_s):.1f} s" if self.age_s < 120 else lasting(self.age_s)
            origin.append(f"{age} ago")
        head = f"{self.node}: {self.value}" if self.node else self.value
        return f"{head} ({', '.join(origin)})" if origin else head


Key: TypeAlias = tuple[str, str, str]
"""Code, node, and what on it: the same every time, whatever the words."""


class Role(StrEnum):
    """What a unit is to the cluster, whatever its name."""

    NGINX = "nginx"
    KEEPALIVED = "keepalived"
    SERVICE = "service"
    DATASTORE = "datastore"


@dataclass(frozen=True, slots=True)
class About:
    """What a finding is about, in the profile's names. Causes are found by this and never by words.

    `unit`, `service`, `instance`, `store` and `subject` (a mount, a script) distinguish it from others of its code
    on the same node. `services`: others that it is about as well; `role`: that of `unit`, `kind`: that of `store`.
    """

    unit: str = ""
    service: str = ""
    instance: str = ""
    store: str = ""
    subject: str = ""
    role: Role | None = None
    kind: DatastoreKind | None = None
    services: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What distinguishes it from others: `unit=nginx`, `service=iam-pump store=mongodb`."""
        parts = (
            ("unit", self.unit),
            ("service", self.service),
            ("instance", self.instance),
            ("store", self.store),
            ("subject", self.subject),
        )
        return " ".join(f"{part}={value}" for part, value in parts if value)

    @property
    def every_service(self) -> frozenset[str]:
        return frozenset(name for name in (self.service, *self.services) if name)


NOTHING = About()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `next` is a command, or something to look at that changes nothing.

    `code` is its word in the catalogue of rules. `explains` are the findings that follow from this one.
    `means`: what it is for users, where the profile's `needs` say so.
    `rests_on`: what the services that it is about need, by the profile; `takes`: what others go without for it.
    `touches`: nodes beside `node` on which its cause may lie.
    """

    code: str
    severity: Severity
    title: str
    evidence: tuple[Evidence, ...]
    next: str
    node: str | None = None
    explains: tuple[Finding, ...] = ()
    cause: str = ""
    about: About = NOTHING
    means: str = ""
    rests_on: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        return self.code, self.node or "", self.about.name

    @property
    def places(self) -> frozenset[str]:
        """The nodes on which its cause may lie. One that only fails to reach a datastore is none of them."""
        home = () if self.about.store and self.touches else (self.node,)
        return frozenset(name for name in (*home, *self.touches) if name)


@dataclass(frozen=True, slots=True)
class NotEvaluated:
    """A question that cannot be answered now, and why: `what` would have been judged, of which node."""

    code: str
    what: str
    because: str
    node: str | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What triage answers. `findings` are ranked; what another one explains stands under it, and nowhere else.

    `checked`: the codes of all rules whose evidence was there. `not_evaluated`: what could not be judged.
    """

    findings: tuple[Finding, ...]
    not_evaluated: tuple[NotEvaluated, ...] = ()
    checked: tuple[str, ...] = ()

    def at_least(self, floor: Severity) -> bool:
        """Is there a finding at least as severe, explained ones included?"""
        return any(RANK[finding.severity] <= RANK[floor] for finding in flat(self.findings))


def flat(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Findings and, after each, what it explains."""
    return tuple(below for finding in findings for below in (finding, *flat(finding.explains)))


def loudest(finding: Finding) -> Severity:
    """A cause is at least as severe as the worst that it explains."""
    return min((below.severity for below in flat((finding,))), key=RANK.__getitem__)
