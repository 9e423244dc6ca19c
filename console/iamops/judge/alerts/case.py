"""A finding over time: how long it has been so, whether it was reported, and when it counts as cleared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from iamops.judge.findings import Finding, Key, NotEvaluated, flat, loudest
from iamops.model.facts import RANK, Severity

# One step may come late; it must not count as a long time during which a finding was seen.
LONGEST_STEP_S = 1.0

# Three words for a node that is out of sight: it may change from one to another.
OUT_OF_SIGHT = frozenset({"node-unreachable", "serving-unseen", "node-silent"})

# Two owners are reported as such whatever explains them: nobody may have to read on to learn of it.
ALWAYS_REPORTED = frozenset({"split-brain"})


@dataclass(frozen=True, slots=True)
class HoldTimes:
    """Seconds. A finding must have been so for its hold before it is reported, and absent for `cleared_s`."""

    critical_s: float = 1.0
    other_s: float = 3.0
    cleared_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Alert:
    """One finding that is or was there. `first`, `last`: when it was seen; `present_s`: for how long in all.

    `open`: it has lasted, and has not cleared since. `reported_as`: how severe the receivers know it to be, None
    when for them it is not so. `held_back`: it would be open, but for a silence. `root`: nothing else explains it.
    `needs`: the nodes that must be seen before its absence means anything. `what`: what on the node it is about;
    `instance`: the VRRP instance, if it is about one.
    """

    code: str
    node: str | None
    severity: Severity
    title: str
    lines: tuple[str, ...]
    first: float
    last: float
    needs: frozenset[str] = frozenset()
    present_s: float = 0.0
    here: bool = True
    root: bool = True
    open: bool = False
    reported_as: Severity | None = None
    held_back: bool = False
    what: str = ""
    instance: str = ""

    @property
    def key(self) -> Key:
        return key_of(self.code, self.node, self.what)

    @property
    def name(self) -> str:
        """Its key as text, for receivers."""
        return "|".join(self.key)

    def ripe(self, patience: HoldTimes) -> bool:
        """Is it to be opened now? What another finding explains is reported there."""
        own = self.root or self.code in ALWAYS_REPORTED
        hold_s = patience.critical_s if self.severity is Severity.CRITICAL else patience.other_s
        return not self.open and own and self.here and self.present_s >= hold_s

    @property
    def worse(self) -> bool:
        """Has it become more severe than was reported?"""
        return self.open and self.reported_as is not None and RANK[self.severity] < RANK[self.reported_as]

    def unclear(self, unseen: frozenset[str], not_evaluated: Iterable[NotEvaluated]) -> bool:
        """Is it absent only because nobody can tell?"""
        about = self.needs | {self.node, None}
        own = (question for question in not_evaluated if question.code == self.code)
        return bool(self.needs & unseen) or any(self.node is None or q.node in about for q in own)

    def cleared_at(self, now: float, patience: HoldTimes) -> bool:
        return not self.here and now - self.last >= patience.cleared_s


def key_of(code: str, node: str | None, what: str) -> Key:
    """What identifies a finding, whatever its words; a node that is out of sight goes by several codes."""
    if code in OUT_OF_SIGHT:
        return "node-unreachable", node or "", ""
    return code, node or "", what


def alerts_after(
    alerts: Mapping[Key, Alert],
    findings: tuple[Finding, ...],
    *,
    now: float,
    since_s: float,
    unseen: frozenset[str],
    not_evaluated: tuple[NotEvaluated, ...] = (),
) -> dict[Key, Alert]:
    """All alerts after the findings of `now`, `since_s` after those before."""
    present = {key_of(found.code, found.node, found.about.name): found for found in flat(findings)}
    roots = {key_of(found.code, found.node, found.about.name) for found in findings}
    after = {key: _seen(alerts.get(key), found, now, since_s, root=key in roots) for key, found in present.items()}
    for key, alert in alerts.items():
        if key not in present:
            # While nobody can tell, its time stands still.
            last = alert.last + since_s if alert.unclear(unseen, not_evaluated) else alert.last
            after[key] = replace(alert, here=False, last=last)
    return after


def _seen(before: Alert | None, found: Finding, now: float, since_s: float, *, root: bool) -> Alert:
    if before is None:
        what, instance = found.about.name, found.about.instance
        before = Alert(
            found.code, found.node, found.severity, "", (), now, now, here=False, what=what, instance=instance
        )
    return replace(
        before,
        code=found.code,
        severity=loudest(found),
        title=found.title,
        lines=message_lines(found),
        last=now,
        needs=needs(found),
        present_s=before.present_s + (min(since_s, LONGEST_STEP_S) if before.here else 0.0),
        here=True,
        root=root,
    )


def needs(found: Finding) -> frozenset[str]:
    """The nodes that must be seen before it can be over; a node out of sight is back as soon as it is seen."""
    if found.code in OUT_OF_SIGHT:
        return frozenset()
    return frozenset(node for node in (found.node, *(evidence.node for evidence in found.evidence)) if node)


def message_lines(found: Finding) -> tuple[str, ...]:
    """Its lines in a message: the cause, the evidence, what follows from it, the next step."""
    cause = (f"because: {found.cause}",) if found.cause else ()
    follows = tuple(f"explains: {each.title}" for each in flat(found.explains))
    means = (f"means: {found.means}",) if found.means else ()
    return (*cause, *means, *(str(each) for each in found.evidence), *follows, f"next: {found.next}")
