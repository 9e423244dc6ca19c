"""Findings that came and went, as events: what is wrong and that it is over, not only what is wrong now. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from console.judge.diagnosis import flat
from console.judge.findings import Finding, Key
from console.model.facts import Severity
from console.model.state import Notice
from console.model.words import lasting

# Its beginning and its end are events already, told when they happen.
TELLS_ITSELF = frozenset({"split-brain"})
# What is gone for a moment only has not ended.
OVER_AFTER_S = 3.0


@dataclass(frozen=True, slots=True)
class Raised:
    """One that was told. `gone_at`: since when it is not found any more."""

    at: float
    finding: Finding
    gone_at: float | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Findings whose beginning was told and whose end was not."""

    raised: Mapping[Key, Raised] = field(default_factory=dict)

    def step(
        self, findings: tuple[Finding, ...], unseen: Collection[str], now: float
    ) -> tuple[Told, tuple[Notice, ...]]:
        """What is told from now on, and what is to be told now. Symptoms are told with their cause.

        What belongs to a node that is not seen, or to the whole cluster while one is not, is not known to be over.
        """
        present = {each.key: each for each in flat(findings)}
        loud = (each for each in findings if each.severity is not Severity.INFO)
        roots = dict.fromkeys(each.key for each in loud if each.code not in TELLS_ITSELF)
        raised: dict[Key, Raised] = {}
        notices: list[Notice] = []
        for name, was in self.raised.items():
            gone_at = None if name in present else now if was.gone_at is None else was.gone_at
            blind = bool(unseen) if was.finding.node is None else was.finding.node in unseen
            if gone_at is None or blind or now - gone_at < OVER_AFTER_S:
                raised[name] = Raised(was.at, present.get(name, was.finding), None if blind else gone_at)
            else:
                notices.append(_over(was, gone_at))
        # The list of events begins with the newest: there the worst stands first, as everywhere.
        for name in reversed([each for each in roots if each not in raised]):
            raised[name] = Raised(now, present[name])
            notices.append(_begun(present[name], now))
        return Told(raised), tuple(notices)


def _begun(finding: Finding, now: float) -> Notice:
    following = len(flat((finding,))) - 1
    more = f" (explains {following} more)" if following else ""
    return Notice(now, finding.node, finding.severity, f"found: {finding.title}{more}")


def _over(was: Raised, gone_at: float) -> Notice:
    text = f"over after {lasting(gone_at - was.at)}: {was.finding.title}"
    return Notice(gone_at, was.finding.node, Severity.INFO, text)
