"""A cluster's configuration at one moment: what differs, what lint says, what could not be read. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from iamops.judge.lint.finding import LintFinding, LintReport
from iamops.model.facts import Severity
from iamops.plan.config.change import FileChange, NodeFilesChange


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
    """All files of all nodes. `unreadable`: node -> why its files could not be read."""

    files: tuple[FileComparison, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)
    lint: LintReport = field(default_factory=lambda: LintReport(()))
    change_summary: tuple[str, ...] = ()
    problem: str = ""

    @property
    def differing(self) -> int:
        return sum(file.change is not None for file in self.files)


def compared_files(
    change: NodeFilesChange, wanted: tuple[str, ...], lint: LintReport
) -> tuple[FileComparison, ...]:
    """The files of one node. `wanted`: the paths that the profile asks for."""
    changes, found = {file.path: file for file in change.files}, []
    for path in dict.fromkeys((*wanted, *change.seen)):
        file = changes.get(path)
        hits = (
            finding for finding in lint.unsilenced if (finding.hit.node, finding.hit.file) == (change.node, path)
        )
        findings = tuple(hits)
        state = FileState.IN_SYNC if path in wanted else FileState.FOREIGN
        if any(finding.rule.severity is Severity.CRITICAL for finding in findings):
            state = FileState.INVALID
        elif file is not None and file.new is None:
            state = FileState.SURPLUS
        elif file is not None:
            state = FileState.MISSING if file.old is None else FileState.DRIFT
        found.append(FileComparison(change.node, path, state, file, findings))
    return tuple(found)


ORDER = (
    FileState.INVALID,
    FileState.MISSING,
    FileState.DRIFT,
    FileState.SURPLUS,
    FileState.IN_SYNC,
    FileState.FOREIGN,
)


def sorted_files(files: Iterable[FileComparison]) -> tuple[FileComparison, ...]:
    """What needs a look first, whatever node it is on."""
    return tuple(sorted(files, key=lambda file: (ORDER.index(file.state), file.node, file.path)))
