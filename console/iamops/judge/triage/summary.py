"""What every form of a triage says, in the same words: how many rules were asked, and what could not be. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from iamops.judge.findings import Diagnosis, NotEvaluated, flat
from iamops.judge.runbook.catalogue import CATALOGUE
from iamops.model.facts import Severity
from iamops.model.journal import TimelineEvent
from iamops.model.profile import Profile
from iamops.redact.clean import clean_text

NUMBERS_MAX = 10
QUESTIONS_MAX = 6


class TriageResult(Protocol):
    """A finished triage. Times in epoch s; `not_inspected` maps nodes to reasons."""

    @property
    def profile(self) -> Profile: ...

    @property
    def at(self) -> float: ...

    @property
    def took_s(self) -> float: ...

    @property
    def diagnosis(self) -> Diagnosis: ...

    @property
    def not_inspected(self) -> Mapping[str, str]: ...

    @property
    def timeline(self) -> tuple[TimelineEvent, ...]: ...

    @property
    def unavailable(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class NotEvaluatedGroup:
    """Everything that cannot be judged for one reason. A dead node makes many rules blind, and is one reason."""

    because: str
    node: str | None
    members: tuple[NotEvaluated, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(blind.code for blind in self.members))

    @property
    def questions(self) -> str:
        """What is not known; of many questions only the first numbers, for a reader who has to get on."""
        codes = self.codes
        if len(codes) > QUESTIONS_MAX:
            first = ", ".join(number_of(code) or code for code in codes[:NUMBERS_MAX])
            more = len(codes) - NUMBERS_MAX
            return f"{len(codes)} rules: {first}" + (f" and {more} more" if more > 0 else "")
        return "; ".join(
            dict.fromkeys(f"{clean_text(blind.what)} ({name_of(blind.code)})" for blind in self.members)
        )


def number_of(code: str) -> str | None:
    return CATALOGUE[code].number if code in CATALOGUE else None


def name_of(code: str) -> str:
    """`T001 split-brain`; the word alone where the catalogue does not know it."""
    return f"{CATALOGUE[code].number} {code}" if code in CATALOGUE else code


def unreachable(triage: TriageResult) -> bool:
    """Could no node be inspected at all?"""
    return all(node in triage.not_inspected for node in triage.profile.nodes)


def not_evaluated_groups(
    blind_to: Iterable[NotEvaluated], not_inspected: Mapping[str, str]
) -> tuple[NotEvaluatedGroup, ...]:
    """What cannot be judged, by reason. A node that was not inspected is one reason for all its questions."""
    found: dict[tuple[str, str | None], list[NotEvaluated]] = {}
    for node, because in not_inspected.items():
        found[because, node] = []
    for blind in blind_to:
        because = not_inspected.get(blind.node or "", blind.because)
        found.setdefault((because, blind.node), []).append(blind)
    return tuple(NotEvaluatedGroup(because, node, tuple(blinds)) for (because, node), blinds in found.items())


def closing(triage: TriageResult) -> str:
    """One sentence: what was found (explained ones included), how many rules were asked, how long it took.

    No all-clear while blind.
    """
    diagnosis, took = triage.diagnosis, f"looked for {triage.took_s:.1f} s"
    severities = [finding.severity for finding in flat(diagnosis.findings)]
    order = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)
    found = ", ".join(f"{severities.count(severity)} {severity}" for severity in order if severity in severities)
    asked, blind = len(set(diagnosis.checked)), len({each.code for each in diagnosis.not_evaluated})
    if not asked:
        head = f"{found}; " if found else ""
        return f"{head}no rule could be asked, nothing is known to be well; {took}"
    missed = f"; {blind} could not be asked, or not of every node" if blind else ""
    if triage.not_inspected:
        missed += f"; not looked into: {', '.join(triage.not_inspected)}"
    if found:
        return f"{found}; {asked} rules asked{missed}; {took}"
    clear = f"no findings among {asked} rules" if missed else f"no findings: {asked} rules asked"
    return f"{clear}{missed}; {took}"
