"""Remembers which faults are applied and not healed, so that `status` can say so and all can be healed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ActiveFault:
    """A fault that was applied."""

    name: str
    node: str | None = None
    unit: str | None = None

    @property
    def sentence(self) -> str:
        return " ".join(word for word in (self.name, self.node, self.unit) if word)


def read(path: Path) -> tuple[ActiveFault, ...]:
    """The applied faults, oldest first. No file: none."""
    if not path.exists():
        return ()
    return tuple(ActiveFault(**entry) for entry in json.loads(path.read_text(encoding="utf-8")))


def add(path: Path, fault: ActiveFault) -> None:
    _write(path, [*(other for other in read(path) if other != fault), fault])


def remove(path: Path, is_over: Callable[[ActiveFault], bool]) -> None:
    _write(path, [fault for fault in read(path) if not is_over(fault)])


def clear(path: Path) -> None:
    path.unlink(missing_ok=True)


def _write(path: Path, faults: Iterable[ActiveFault]) -> None:
    entries = [{"name": fault.name, "node": fault.node, "unit": fault.unit} for fault in faults]
    scratch = path.with_suffix(".new")
    scratch.write_text(json.dumps(entries), encoding="utf-8")
    scratch.replace(path)
