"""Which parts of the screen an event touches, and whether it may wait for the next calm frame."""

from __future__ import annotations

from enum import Enum, auto

from console.model.events import (
    AddressChanged,
    AddressesListed,
    ClientProbed,
    ConfigCompared,
    DatastoreProbed,
    Event,
    FilesExamined,
    HostReported,
    HttpProbed,
    KeepalivedAsked,
    LinkChanged,
    NodeHeard,
    Noticed,
    PartReported,
    PortProbed,
    Recalled,
    RequestsCounted,
    SafetyReported,
    SourceLost,
    TlsProbed,
    UnitReported,
    VrrpReported,
    VrrpTransition,
)


class Part(Enum):
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


ALL = frozenset(Part)
VIP = frozenset({Part.HEADER, Part.WITNESSES, Part.NODES, Part.REQUESTS, Part.EVENTS})


def touched(event: Event) -> frozenset[Part]:
    """The parts that may look different after `event`."""
    match event:
        case AddressChanged() | AddressesListed():
            return VIP
        case LinkChanged() | SourceLost():
            return ALL - {Part.PLOT}
        case VrrpTransition() | VrrpReported() | KeepalivedAsked() | UnitReported():
            return frozenset({Part.WITNESSES, Part.NODES, Part.EVENTS})
        case HttpProbed() | DatastoreProbed():
            return frozenset({Part.SERVICES})
        case RequestsCounted():
            return frozenset({Part.REQUESTS, Part.PLOT, Part.TRAFFIC})
        case HostReported() | SafetyReported():
            return frozenset({Part.NODES})
        case PortProbed() | TlsProbed() | NodeHeard():
            return frozenset()  # only guards ask for the one; ages are painted as time goes on anyway
        case ConfigCompared():
            return frozenset({Part.CONFIG})
        case FilesExamined():
            return frozenset()
        case ClientProbed():
            return frozenset({Part.WITNESSES})
        case Noticed() | Recalled():
            return frozenset({Part.EVENTS})
        case PartReported():
            return frozenset({Part.EVENTS, Part.FINDING})


def urgent(event: Event) -> bool:
    """What an operator is waiting for is painted at once; what ticks along anyway may be gathered."""
    return isinstance(
        event, AddressChanged | AddressesListed | LinkChanged | VrrpTransition | UnitReported | Noticed
    )
