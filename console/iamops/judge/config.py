"""A cluster's configuration at one moment: what differs, what lint says, what could not be read. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from iamops.judge.lint.finding import LintFinding, LintReport
from iamops.model.facts import Severity
from iamops.plan.config.change import FileChange, NodeChange


class FileState(StrEnum):
    """How one file stands."""

    IN_SYNC = "in sync"
    DRIFT = "drift"
    MISSING = "missing"
    SURPLUS = "surplus"
    INVALID = "invalid"
    FOREIGN = "not ours"


@dataclass(frozen=True, slots=True)
class FileComparison:
    """One file on one node. `change` is what a push would do to it; None: nothing."""

    node: str
    path: str
    state: FileState
    change: FileChange | None = None
    findings: tuple[LintFinding, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.node}:{self.path}"


@dataclass(frozen=True, slots=True)
class ConfigComparison:
    """All files of all nodes. `unread`: node -> why its files could not be read. `meaning`: see plan."""

    files: tuple[FileComparison, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)
    lint: LintReport = field(default_factory=lambda: LintReport(()))
    change_summary: tuple[str, ...] = ()
    problem: str = ""

    @property
    def differing(self) -> int:
        return sum(file.change is not None for file in self.files)


def file_sights(change: NodeChange, wanted: tuple[str, ...], lint: LintReport) -> tuple[FileComparison, ...]:
    """The files of one node. `wanted`: the paths that the profile asks for."""
    changes = {each.path: each for each in change.files}
    found = [
        _sight(change.node, path, changes.get(path), wanted, _of(lint, change.node, path))
        for path in dict.fromkeys((*wanted, *change.seen))
    ]
    return tuple(found)


def sorted_files(files: Iterable[FileComparison]) -> tuple[FileComparison, ...]:
    """What needs a look first, whatever node it is on."""
    return tuple(sorted(files, key=lambda each: (ORDER.index(each.state), each.node, each.path)))


ORDER = (
    FileState.INVALID,
    FileState.MISSING,
    FileState.DRIFT,
    FileState.SURPLUS,
    FileState.IN_SYNC,
    FileState.FOREIGN,
)


def _sight(
    node: str, path: str, change: FileChange | None, wanted: tuple[str, ...], findings: tuple[LintFinding, ...]
) -> FileComparison:
    state = FileState.IN_SYNC if path in wanted else FileState.FOREIGN
    if change is not None:
        state = FileState.MISSING if change.old is None else FileState.DRIFT
        state = FileState.SURPLUS if change.new is None else state
    if any(finding.rule.severity is Severity.CRITICAL for finding in findings):
        state = FileState.INVALID
    return FileComparison(node, path, state, change, findings)


def _of(lint: LintReport, node: str, path: str) -> tuple[LintFinding, ...]:
    return tuple(each for each in lint.unsilenced if each.hit.node == node and each.hit.file == path)
