"""What a rule says: a finding with its evidence and the next safe step."""

from __future__ import annotations

from dataclasses import dataclass

from console.model.facts import Severity


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
        age = "" if self.age_s is None else f"{max(0.0, self.age_s):.1f} s ago"
        told = ", ".join(part for part in (self.source, age) if part)
        head = f"{self.node}: {self.value}" if self.node else self.value
        return f"{head} ({told})" if told else head


@dataclass(frozen=True, slots=True)
class About:
    """What a finding is about, by the profile's own names: causes are found by it, whatever words a title has."""

    unit: str = ""
    service: str = ""
    store: str = ""
    instance: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `next` is a command, or a look that changes nothing.

    `code` is its word in the catalogue of rules. `explains` are the findings that follow from this one.
    `means`: what it is for users, where the profile's `needs` tell.
    """

    code: str
    severity: Severity
    title: str
    evidence: tuple[Evidence, ...]
    next: str
    node: str | None = None
    explains: tuple[Finding, ...] = ()
    cause: str = ""
    about: About = About()
    means: str = ""


@dataclass(frozen=True, slots=True)
class Blind:
    """A question that cannot be answered now, and why: `what` would have been judged, of which node."""

    code: str
    what: str
    because: str
    node: str | None = None
