"""What every view is drawn from: the state, the time, the findings and what the operator asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from console.judge.findings import Finding, Key
from console.judge.standing import EarlierLook
from console.model.state import ClusterState


@dataclass(frozen=True, slots=True)
class Stance:
    """What the console may do and is doing: never held back, not even while the picture is.

    `running` is the run under way, in words; `done` of its `steps` are over. `guards` are the reasons a
    guard would give now, by action. `moved` is the VIP move that nobody acknowledged, in words.
    """

    armed_s: float = 0.0
    running: str = ""
    done: int = 0
    steps: int = 0
    has_run: bool = False
    moved: str = ""
    guards: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Moment:
    """One picture of the cluster. `needle` is the filter; `paused_s` says how old a held picture is.

    `findings` is the one tree that every view takes count, order and next step from; `deep` are those of them
    that only the deep `look` could tell. `present` is what is so while a picture is held: the header never pauses.
    """

    state: ClusterState
    now: float
    findings: tuple[Finding, ...] = ()
    needle: str = ""
    paused_s: float | None = None
    stance: Stance = field(default_factory=Stance)
    look: EarlierLook | None = None
    deep: frozenset[Key] = frozenset()
    present: Moment | None = None

    def keeps(self, texts: Iterable[str]) -> bool:
        """Whether something made of `texts` passes the filter."""
        wanted = self.needle.casefold()
        return not wanted or any(wanted in text.casefold() for text in texts)
