"""What stands now: the live state's findings and those of a deep look that is some time old, in one tree. Pure.

Every front counts, orders and advises from this tree, so none of them can contradict another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from console.judge.correlate import correlate
from console.judge.diagnosis import Diagnosis, flat
from console.judge.findings import Finding, Key
from console.model.facts import Severity


@dataclass(frozen=True, slots=True)
class EarlierLook:
    """A deep look that ended at `at` (session time), and what the live state said at that time."""

    diagnosis: Diagnosis
    at: float
    live_then: frozenset[Key]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many findings there are, explained ones included: `loud` of them are warnings or worse."""

    loud: int
    quiet: int

    def __str__(self) -> str:
        """`3`, or `3 + 2 info`: the same words in every front."""
        return f"{self.loud} + {self.quiet} info" if self.quiet else str(self.loud)


def tally(findings: tuple[Finding, ...]) -> Tally:
    every = flat(findings)
    quiet = sum(each.severity is Severity.INFO for each in every)
    return Tally(len(every) - quiet, quiet)


def earlier_look(diagnosis: Diagnosis, at: float, live: tuple[Finding, ...]) -> EarlierLook:
    """The look, with the live findings of its time."""
    return EarlierLook(diagnosis, at, keys(live))


def keys(findings: tuple[Finding, ...]) -> frozenset[Key]:
    """All of them, explained ones included."""
    return frozenset(each.key for each in flat(findings))


def standing(live: tuple[Finding, ...], look: EarlierLook | None, now: float) -> tuple[Finding, ...]:
    """Causes first, the worst first. The live state is believed: what it no longer says is over.

    Only what the look alone could tell stays as it was seen, older by the time since. Both are put into one tree
    anew: a cause that the look found explains what is live, whichever was there first.
    """
    if look is None:
        return correlate(live)
    causes = {each.key: each.cause for each in flat(look.diagnosis.findings)}
    present = tuple(
        replace(each, explains=(), cause=each.cause or causes.get(each.key, "")) for each in flat(live)
    )
    over = keys(live) | look.live_then
    older_s = max(0.0, now - look.at)
    deep = (_aged(each, older_s) for each in flat(look.diagnosis.findings) if each.key not in over)
    return correlate((*present, *deep))


def only_deep(live: tuple[Finding, ...], look: EarlierLook | None) -> frozenset[Key]:
    """Which of what stands only the look could tell, so that it is as old as the look."""
    return keys(look.diagnosis.findings) - keys(live) - look.live_then if look is not None else frozenset()


def _aged(finding: Finding, older_s: float) -> Finding:
    evidence = (
        each if each.age_s is None else replace(each, age_s=each.age_s + older_s) for each in finding.evidence
    )
    return replace(finding, explains=(), evidence=tuple(evidence))
