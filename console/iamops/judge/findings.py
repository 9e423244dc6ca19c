"""What a rule says: a finding with its evidence and the next safe step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from iamops.model.facts import RANK, Severity
from iamops.model.profile import DatastoreKind
from iamops.model.text import lasting

# How the step of a finding begins that an action under way brings about.
NOTHING_DURING = "nothing to do: during"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One observed value: what was seen, what told it, on which node, and how old it is in seconds.

    `node` is None for what belongs to no node; `age_s` is None for what carries no time.
    """

    value: str
    source: str = ""
    node: str | None = None
    age_s: float | None = None

    def __str__(self) -> str:
        """The value first: it is what a reader looks for. `iam-a: MASTER (keepalived's dump, 0.4 s ago)`."""
        told = ", ".join(part for part in (self.source, _ago(self.age_s)) if part)
        head = f"{self.node}: {self.value}" if self.node else self.value
        return f"{head} ({told})" if told else head


def _ago(age_s: float | None) -> str:
    """To a tenth of a second while that tells anything."""
    if age_s is None:
        return ""
    return f"{max(0.0, age_s):.1f} s ago" if age_s < 120 else f"{lasting(age_s)} ago"


Key = tuple[str, str, str]
"""Code, node, and what on it: the same from look to look, whatever the words."""


class Role(StrEnum):
    """What a unit is to the cluster, however it is called."""

    NGINX = "nginx"
    KEEPALIVED = "keepalived"
    SERVICE = "service"
    DATASTORE = "datastore"


@dataclass(frozen=True, slots=True)
class About:
    """What a finding is about, in the profile's names. Causes are found by this and never by words.

    `unit`, `service`, `instance`, `store` and `subject` (a mount, a script) tell it from others of its code on the
    same node. `services` are others that it is about as well; `role` is that of `unit`, `kind` that of `store`.
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
        """What tells it from others: `unit=nginx`, `service=iam-pump store=mongodb`."""
        parts = {
            "unit": self.unit,
            "service": self.service,
            "instance": self.instance,
            "store": self.store,
            "subject": self.subject,
        }
        return " ".join(f"{part}={value}" for part, value in parts.items() if value)

    @property
    def every_service(self) -> frozenset[str]:
        return frozenset(name for name in (self.service, *self.services) if name)


NOTHING = About()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `next` is a command, or a look that changes nothing.

    `code` is its word in the catalogue of rules. `explains` are the findings that follow from this one.
    `means`: what it is for users, where the profile's `needs` tell.
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
        """Where its cause may lie. Who greets a datastore in vain is not the place of it."""
        home = () if self.about.store and self.touches else (self.node,)
        return frozenset(name for name in (*home, *self.touches) if name)


@dataclass(frozen=True, slots=True)
class NotEvaluated:
    """A question that cannot be answered now, and why: `what` would have been judged, of which node."""

    code: str
    what: str
    because: str
    node: str | None = None


# What triage answers: findings, the root causes first with what they explain, and what cannot be told.


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`findings` are ranked; those that another one explains stand under it, and nowhere else.

    `checked`: the codes of all rules whose evidence was there. `blind`: what could not be judged.
    """

    findings: tuple[Finding, ...]
    blind: tuple[NotEvaluated, ...] = ()
    checked: tuple[str, ...] = ()

    def at_least(self, floor: Severity) -> bool:
        """Is there a finding at least as severe, explained ones included?"""
        return any(RANK[each.severity] <= RANK[floor] for each in flat(self.findings))


def flat(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Findings and, after each, what it explains."""
    return tuple(one for each in findings for one in (each, *flat(each.explains)))


def as_loud(finding: Finding) -> Finding:
    """A cause is at least as severe as the worst that it explains."""
    loudest = min((each.severity for each in flat((finding,))), key=RANK.__getitem__)
    return replace(finding, severity=loudest)
