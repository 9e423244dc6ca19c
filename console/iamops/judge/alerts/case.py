"""A finding over time: how long it has been so, whether it was told, and when it counts as gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from iamops.judge.findings import Finding, Key, NotEvaluated, flat
from iamops.model.facts import RANK, Severity

# One look may come late; it must not count as a long time during which a finding was seen.
LONGEST_STEP_S = 1.0

# Three words for a node that is out of sight: it may change from one to another.
OUT_OF_SIGHT = frozenset({"node-unreachable", "serving-unseen", "node-silent"})

# Two owners are told as such whatever explains them: nobody may have to read on to learn of it.
ALWAYS_TOLD = frozenset({"split-brain"})


@dataclass(frozen=True, slots=True)
class HoldTimes:
    """Seconds. A finding must have been so for its hold before it is told, and be gone for `gone_s`."""

    critical_s: float = 1.0
    other_s: float = 3.0
    cleared_s: float = 10.0

    def hold_s(self, severity: Severity) -> float:
        return self.critical_s if severity is Severity.CRITICAL else self.other_s


@dataclass(frozen=True, slots=True)
class Alert:
    """One finding that is or was there. `first`, `last`: when it was seen; `present_s`: for how long in all.

    `open`: it has lasted, and has not gone since. `told_as`: how severe the receivers know it to be, None when
    for them it is not so. `hushed`: it would be open, but for a silence. `root`: no other finding explains it.
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
    hushed: bool = False
    what: str = ""
    instance: str = ""

    @property
    def key(self) -> Key:
        return key_of(self.code, self.node, self.what)

    @property
    def name(self) -> str:
        """Its key as text: what receivers may tell findings apart by."""
        return "|".join(self.key)

    def ripe(self, patience: HoldTimes) -> bool:
        """Is it to be opened now? What another finding explains is told there."""
        told_here = self.root or self.code in ALWAYS_TOLD
        return not self.open and told_here and self.here and self.present_s >= patience.hold_s(self.severity)

    @property
    def worse(self) -> bool:
        """Has it become more severe than was told?"""
        return self.open and self.reported_as is not None and RANK[self.severity] < RANK[self.reported_as]

    def unclear(self, unseen: frozenset[str], blind: Iterable[NotEvaluated]) -> bool:
        """Is it absent only because nobody can tell?"""
        about = self.needs | {self.node, None}
        return bool(self.needs & unseen) or any(
            each.code == self.code and (self.node is None or each.node in about) for each in blind
        )

    def cleared_at(self, now: float, patience: HoldTimes) -> bool:
        return not self.here and now - self.last >= patience.cleared_s


def key_of(code: str, node: str | None, what: str) -> Key:
    """What makes two findings the same one, whatever their words; being out of sight goes by several codes."""
    if code in OUT_OF_SIGHT:
        return "node-unreachable", node or "", ""
    return code, node or "", what


def _key(found: Finding) -> Key:
    return key_of(found.code, found.node, found.about.name)


def cases_after(
    cases: Mapping[Key, Alert],
    findings: tuple[Finding, ...],
    *,
    now: float,
    since_s: float,
    unseen: frozenset[str],
    blind: tuple[NotEvaluated, ...] = (),
) -> dict[Key, Alert]:
    """All cases after a look at `now`, `since_s` after the one before."""
    seen = {_key(each): each for each in flat(findings)}
    roots = {_key(each) for each in findings}
    after = {key: _seen(cases.get(key), found, now, since_s, root=key in roots) for key, found in seen.items()}
    absent = {
        key: _absent(case, since_s, unclear=case.unclear(unseen, blind))
        for key, case in cases.items()
        if key not in seen
    }
    return {**after, **absent}


def _seen(before: Alert | None, found: Finding, now: float, since_s: float, *, root: bool) -> Alert:
    lines = message_lines(found)
    if before is None:
        severity, need = loudest(found), needs(found)
        what, instance = found.about.name, found.about.instance
        return Alert(
            found.code,
            found.node,
            severity,
            found.title,
            lines,
            now,
            now,
            need,
            root=root,
            what=what,
            instance=instance,
        )
    gained_s = min(since_s, LONGEST_STEP_S) if before.here else 0.0
    return replace(
        before,
        code=found.code,
        severity=loudest(found),
        title=found.title,
        lines=lines,
        last=now,
        needs=needs(found),
        present_s=before.present_s + gained_s,
        here=True,
        root=root,
    )


def _absent(case: Alert, since_s: float, *, unclear: bool) -> Alert:
    """While nobody can tell, its time stands still."""
    return replace(case, here=False, last=case.last + since_s if unclear else case.last)


def loudest(found: Finding) -> Severity:
    """A cause is as severe as the worst that follows from it."""
    return min((each.severity for each in flat((found,))), key=RANK.__getitem__)


def needs(found: Finding) -> frozenset[str]:
    """That a node is out of sight is over when it is seen; anything else can only be over on nodes that are."""
    if found.code in OUT_OF_SIGHT:
        return frozenset()
    told_by = (getattr(each, "node", None) for each in found.evidence)
    return frozenset(node for node in (found.node, *told_by) if node)


def message_lines(found: Finding) -> tuple[str, ...]:
    """What a message says of it: the cause, the evidence, what follows from it, the next step."""
    cause = (f"because: {found.cause}",) if found.cause else ()
    follows = tuple(f"explains: {each.title}" for each in flat(found.explains))
    means = (f"means: {found.means}",) if found.means else ()
    return (*cause, *means, *(str(each) for each in found.evidence), *follows, f"next: {found.next}")
