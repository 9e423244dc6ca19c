"""What a fault is given: the lab it breaks, and where it strikes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from iamops.lab.node import LabNode
from iamops.lab.place import LabPaths
from iamops.lab.processes import UnknownFault
from iamops.model.profile import Profile


class FaultContext(Protocol):
    @property
    def profile(self) -> Profile: ...

    @property
    def paths(self) -> LabPaths: ...

    def node(self, name: str) -> LabNode: ...

    def must(self, node: str, argv: Sequence[str], *, stdin: str = "") -> str:
        """Runs a command in a node; raises ToolFailed if it fails."""
        ...

    def power_on(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class FaultTarget:
    node: str | None = None
    unit: str | None = None

    @property
    def at(self) -> str:
        if self.node is None:
            raise UnknownFault("this fault needs a node", "iamops lab fault --list")
        return self.node


# How a fault comes, or goes.
Change = Callable[[FaultContext, FaultTarget], None]


def systemctl(lab: FaultContext, node: str, *words: str) -> None:
    lab.must(node, ["systemctl", *words])
