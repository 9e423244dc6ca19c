"""What stands now: the live state's findings, joined with those of a deep look that is some time old. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from console.judge.diagnosis import RANK, Diagnosis, as_loud, flat
from console.judge.findings import Finding

Key = tuple[str, str | None]
"""Code and node: what makes a finding the same one from look to look."""


@dataclass(frozen=True, slots=True)
class EarlierLook:
    """A deep look that ended at `at` (session time), and what the live state said at that time."""

    diagnosis: Diagnosis
    at: float
    live_then: frozenset[Key]


def earlier_look(diagnosis: Diagnosis, at: float, live: tuple[Finding, ...]) -> EarlierLook:
    """The look, with the live findings of its time."""
    return EarlierLook(diagnosis, at, keys(live))


def keys(findings: tuple[Finding, ...]) -> frozenset[Key]:
    """All of them, explained ones included."""
    return frozenset((each.code, each.node) for each in flat(findings))


def standing(live: tuple[Finding, ...], look: EarlierLook | None, now: float) -> tuple[Finding, ...]:
    """The worst first. The live state is believed: what it no longer says is over, what it says has its evidence.

    Only what the look alone could tell stays as it was seen, older by the time since.
    """
    if look is None:
        return live
    present = {(each.code, each.node): each for each in flat(live)}
    told = tuple(_kept(look.diagnosis.findings, present, look, max(0.0, now - look.at)))
    added = tuple(_without(live, keys(told)))
    return tuple(sorted((*told, *added), key=lambda finding: RANK[finding.severity]))


def _kept(
    findings: Iterable[Finding], present: Mapping[Key, Finding], look: EarlierLook, older_s: float
) -> Iterator[Finding]:
    """The look's tree without what is over; what an ended cause explained stands for itself."""
    for finding in findings:
        key = (finding.code, finding.node)
        explained = tuple(_kept(finding.explains, present, look, older_s))
        if key in present:
            now = present[key]
            yield as_loud(replace(now, explains=explained, cause=now.cause or finding.cause))
        elif key in look.live_then:
            yield from explained
        else:
            yield replace(_aged(finding, older_s), explains=explained)


def _without(findings: Iterable[Finding], told: Collection[Key]) -> Iterator[Finding]:
    """What is not told yet; a cause that is told leaves its symptoms that are not."""
    for finding in findings:
        rest = tuple(_without(finding.explains, told))
        if (finding.code, finding.node) in told:
            yield from rest
        else:
            yield replace(finding, explains=rest)


def _aged(finding: Finding, older_s: float) -> Finding:
    evidence = (
        each if each.age_s is None else replace(each, age_s=each.age_s + older_s) for each in finding.evidence
    )
    return replace(finding, evidence=tuple(evidence))
