"""What was seen during a drill, as the judge needs it. Values only; times are session time in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from console.model.facts import VrrpState
from console.model.gap import Gap
from console.model.live import LiveVrrp


@dataclass(frozen=True, slots=True)
class LegRun:
    """How one step of the drill went. `began`: when its first command was sent; `acted_until`: when the
    last of its steps was over. `stage` is `done`, `failed`, `unknown` or `waiting`.
    """

    number: int
    title: str
    stage: str
    began: float | None = None
    acted_until: float | None = None
    said: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """A change on a node: `at` when we heard of it, `happened` on the node, by its clock as far as known."""

    at: float
    happened: float
    uncertainty_s: float
    node: str


@dataclass(frozen=True, slots=True)
class AddressSeen(Seen):
    """The VIP came to the node's kernel, or left it."""

    present: bool


@dataclass(frozen=True, slots=True)
class StateSeen(Seen):
    """keepalived on the node entered a state."""

    state: VrrpState


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything. `gaps` are in session time. `notify`: words of the notify log by node, or None where it
    could not be read; `notify_reason` says why. `live_after` is what each node runs with in the end, None when
    nobody looked.
    """

    owner: str
    began: float
    ended: float
    legs: tuple[LegRun, ...]
    addresses: tuple[AddressSeen, ...] = ()
    states: tuple[StateSeen, ...] = ()
    gaps: tuple[Gap, ...] = ()
    measured: bool = True
    notify: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    notify_reason: Mapping[str, str] = field(default_factory=dict)
    live_after: Mapping[str, LiveVrrp] | None = field(default_factory=dict)
