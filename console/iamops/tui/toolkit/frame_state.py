"""What every view is drawn from: the state, the time, the findings and what the operator asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from iamops.judge.findings import Finding, Key
from iamops.judge.triage.events import EarlierInspection
from iamops.model import events
from iamops.model.state import ClusterState


@dataclass(frozen=True, slots=True)
class ConsoleMode:
    """What the console may do and is doing: never held back, not even while the screen is paused.

    `running` is the run under way, in words; `done` of its `steps` are over. `guards` are the reasons a
    guard would give now, by action. `moved` is the VIP move that is not acknowledged, in words.
    """

    armed_s: float = 0.0
    running: str = ""
    done: int = 0
    steps: int = 0
    has_run: bool = False
    moved: str = ""
    guards: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ViewState:
    """What a view shows. `paused_s` says how old it is while the screen is paused.

    `findings` is the one tree that every view takes count, order and next step from; `deep` are those that only
    the `inspection` found. `present` is the live state while the screen is paused: the header never pauses.
    """

    state: ClusterState
    now: float
    findings: tuple[Finding, ...] = ()
    filter_text: str = ""
    paused_s: float | None = None
    mode: ConsoleMode = field(default_factory=ConsoleMode)
    inspection: EarlierInspection | None = None
    deep: frozenset[Key] = frozenset()
    present: ViewState | None = None

    def passes_filter(self, texts: Iterable[str]) -> bool:
        """Whether something made of `texts` passes the filter."""
        wanted = self.filter_text.casefold()
        return not wanted or any(wanted in text.casefold() for text in texts)


class ScreenPart(Enum):
    """A part of the screen that is repainted on its own."""

    HEADER = auto()
    WITNESSES = auto()
    NODES = auto()
    SERVICES = auto()
    REQUESTS = auto()
    PLOT = auto()
    EVENTS = auto()
    FINDING = auto()
    AUDIT = auto()
    DRILLS = auto()
    CONFIG = auto()
    LOGS = auto()
    TRAFFIC = auto()


ALL = frozenset(ScreenPart)
VIP = frozenset(
    {ScreenPart.HEADER, ScreenPart.WITNESSES, ScreenPart.NODES, ScreenPart.REQUESTS, ScreenPart.EVENTS}
)


def touched(event: events.Event) -> frozenset[ScreenPart]:
    """The parts that may look different after `event`."""
    match event:
        case events.AddressChanged() | events.AddressesListed():
            return VIP
        case events.LinkChanged() | events.SourceLost():
            return ALL - {ScreenPart.PLOT}
        case events.VrrpTransition() | events.VrrpReported() | events.KeepalivedAsked() | events.UnitReported():
            return frozenset({ScreenPart.WITNESSES, ScreenPart.NODES, ScreenPart.EVENTS})
        case events.HttpProbed() | events.DatastoreProbed():
            return frozenset({ScreenPart.SERVICES})
        case events.RequestsCounted():
            return frozenset({ScreenPart.REQUESTS, ScreenPart.PLOT})
        case events.HostReported() | events.SafetyReported():
            return frozenset({ScreenPart.NODES})
        case events.PortProbed() | events.TlsProbed() | events.NodeHeard() | events.FilesExamined():
            return frozenset()  # only guards and plans need these; ages are painted as time goes on anyway
        case events.ConfigCompared():
            return frozenset({ScreenPart.CONFIG})
        case events.ClientProbed():
            return frozenset({ScreenPart.WITNESSES})
        case events.Noticed() | events.Recalled():
            return frozenset({ScreenPart.EVENTS})
        case events.PartReported():
            return frozenset({ScreenPart.EVENTS, ScreenPart.FINDING})


def urgent(event: events.Event) -> bool:
    """Whether it is painted at once, since an operator waits for it; routine events may be gathered."""
    return isinstance(
        event,
        events.AddressChanged
        | events.AddressesListed
        | events.LinkChanged
        | events.VrrpTransition
        | events.UnitReported
        | events.Noticed,
    )
