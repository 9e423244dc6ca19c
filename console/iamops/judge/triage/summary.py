"""What every form of a triage tells, in the same words: how many rules were asked, and what could not be. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from iamops.judge.findings import Diagnosis, NotEvaluated, flat
from iamops.judge.runbook.catalogue import CATALOGUE
from iamops.model.facts import Severity
from iamops.model.journal import TimelineEvent
from iamops.model.profile import Profile
from iamops.redact.clean import words

NUMBERS_MAX = 10
QUESTIONS_MAX = 6


class TriageResult(Protocol):
    """A finished look, as far as it is told. Times in epoch s; `unlooked` maps nodes to reasons."""

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
class Darkness:
    """Everything that cannot be told for one reason. A dead node makes many rules blind, and is one reason."""

    because: str
    node: str | None
    blinds: tuple[NotEvaluated, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(blind.code for blind in self.blinds))

    @property
    def questions(self) -> str:
        """What is not known; of many questions only the first numbers, for a reader who has to get on."""
        if len(self.codes) > QUESTIONS_MAX:
            first = ", ".join(number_of(code) or code for code in self.codes[:NUMBERS_MAX])
            more = len(self.codes) - NUMBERS_MAX
            return f"{len(self.codes)} rules: {first}" + (f" and {more} more" if more > 0 else "")
        return "; ".join(dict.fromkeys(f"{words(blind.what)} ({name_of(blind.code)})" for blind in self.blinds))


def number_of(code: str) -> str | None:
    """The number of a rule in the catalogue."""
    entry = CATALOGUE.get(code)
    return entry.number if entry is not None else None


def name_of(code: str) -> str:
    """`T001 split-brain`; the word alone where the catalogue does not know it."""
    number = number_of(code)
    return f"{number} {code}" if number else code


def unreachable(looked: TriageResult) -> bool:
    """Could no node be looked into at all?"""
    return all(node in looked.not_inspected for node in looked.profile.nodes)


def darkness(blind_to: Iterable[NotEvaluated], unlooked: Mapping[str, str]) -> tuple[Darkness, ...]:
    """What cannot be told, by reason. That a node was not looked into is one, for all that is blind to it."""
    found: dict[tuple[str, str | None], list[NotEvaluated]] = {}
    for node, because in unlooked.items():
        found[because, node] = []
    for blind in blind_to:
        because = unlooked.get(blind.node or "", blind.because)
        found.setdefault((because, blind.node), []).append(blind)
    return tuple(Darkness(because, node, tuple(blinds)) for (because, node), blinds in found.items())


def counted(looked: TriageResult) -> str:
    """`2 critical, 1 warning`, explained ones included; empty if there are none."""
    severities = [finding.severity for finding in flat(looked.diagnosis.findings)]
    order: Sequence[Severity] = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)
    return ", ".join(f"{severities.count(each)} {each}" for each in order if each in severities)


def closing(looked: TriageResult) -> str:
    """One sentence: what was found, how many rules were asked, how long it took. No all-clear while blind."""
    diagnosis, took = looked.diagnosis, f"looked for {looked.took_s:.1f} s"
    asked = len(set(diagnosis.checked))
    blind = len({each.code for each in diagnosis.blind})
    found = counted(looked)
    if not asked:
        head = f"{found}; " if found else ""
        return f"{head}no rule could be asked, nothing is known to be well; {took}"
    missed = f"; {blind} could not be asked, or not of every node" if blind else ""
    dark = f"; not looked into: {', '.join(looked.not_inspected)}" if looked.not_inspected else ""
    if not found:
        clear = f"no findings: {asked} rules asked" if not (blind or dark) else f"no findings among {asked} rules"
        return f"{clear}{missed}{dark}; {took}"
    return f"{found}; {asked} rules asked{missed}{dark}; {took}"
