"""A lab that writes down what would be run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from iamops.lab.faults import apply
from iamops.lab.node import Power
from iamops.lab.place import LabPaths
from iamops.lab.processes import ToolFailed, UnknownNode
from tests.support.profiles import pair


class FakeLab:
    """Writes down what would be run and fed to it; fails on the commands it is told to fail on."""

    def __init__(self, state: Path) -> None:
        self.profile = pair()
        self.paths = LabPaths(state=state)
        self.done: list[str] = []
        self.fed: list[str] = []
        self.failing: set[str] = set()
        self.answers: dict[str, str] = {}
        self.powers = dict.fromkeys(self.profile.nodes, Power.ON)

    def node(self, name: str) -> SimpleNamespace:
        if name not in self.powers:
            raise UnknownNode(name, "")
        return SimpleNamespace(
            node=self.profile.nodes[name],
            power=lambda: self.powers[name],
            cut_power=lambda: self.powers.update({name: Power.OFF}),
            freeze=lambda frozen: self.powers.update({name: Power.FROZEN if frozen else Power.ON}),
        )

    def must(self, node: str, argv: Sequence[str], *, stdin: str = "") -> str:
        line = " ".join([node, *argv])
        self.done.append(line)
        if stdin:
            self.fed.append(stdin)
        if line in self.failing:
            raise ToolFailed(line, "")
        return self.answers.get(line, "")

    def power_on(self, name: str) -> None:
        self.powers[name] = Power.ON
        apply.forget_powered_up(self.paths, name)

    @property
    def noted(self) -> list[str]:
        return [fault.sentence for fault in apply.read(self.paths.active_faults)]


@pytest.fixture
def lab(tmp_path) -> FakeLab:
    return FakeLab(tmp_path)
