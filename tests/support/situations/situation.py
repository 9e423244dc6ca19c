"""What one situation is: what was seen, what an earlier release said of it, and what must be said now."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from iamops.judge.rules.base import RuleInput
from iamops.model.events import AddressChanged, Event, HttpProbed, Target, UnitReported, VrrpReported
from iamops.model.facts import ProbeReport, UnitReport, VrrpReport, VrrpState
from iamops.model.inspection import DaemonComplaint, ErrorLogInspection, JournalInspection, NodeInspection
from iamops.parse.inspection import inspect_journal
from tests.support.cluster_states import NOW, VIP
from tests.support.looks import A, B, node_look

MASTER_B = VrrpReported(NOW + 0.2, B, "VI_1", VrrpReport(VrrpState.MASTER, "json", last_transition=NOW))
# Both kernels have it, and both are heard after that.
SPLIT: tuple[Event, ...] = (
    AddressChanged(NOW + 0.2, B, VIP, present=True),
    MASTER_B,
    UnitReported(NOW + 1, A, "nginx", UnitReport("active")),
)

# What an earlier release said already: it must stay so.
RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Situation:
    """Judged by triage. `first`: the code of the first cause, `node`: its node, `step`: how its next step begins;
    no cause: all empty. `about`: words in the first cause's title or evidence. `never`: codes that must not be
    found. `info`: words of a finding that is no alarm. `unasked`: codes, and words of the reason why not.
    """

    id: str
    what: str
    before: str
    view: RuleInput
    first: str = ""
    node: str | None = None
    step: str = ""
    about: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    explains: tuple[str, ...] = ()
    means: tuple[str, ...] = ()
    info: str = ""
    unasked: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A situation that another command than triage tells of: `says` works out what it says and the step that
    follows, with `must` among the words, and no word of `never`.
    """

    id: str
    what: str
    before: str
    says: Callable[[], tuple[str, str]]
    must: tuple[str, ...]
    never: tuple[str, ...] = ()


def complaining(node: str, *said: DaemonComplaint) -> NodeInspection:
    return node_look(node, journal=JournalInspection((), NOW - 3600, said))


def erring(node: str, *said: DaemonComplaint) -> NodeInspection:
    return node_look(node, nginx_errors=ErrorLogInspection(complaints=said))


def asked(node: str, service: str, report: ProbeReport) -> list[Event]:
    """The service as the node itself and its peer are answered by it."""
    return [HttpProbed(NOW, node, observer, Target.SERVICE, service, report) for observer in (A, B)]


def spoken(*lines: tuple[float, str] | tuple[float, str, str]) -> JournalInspection:
    """A journal by its lines as they stand there: (seconds ago, message) of keepalived's, oldest first; with a
    unit behind them they are systemd's about it.
    """
    return inspect_journal((_entry(*each) for each in lines), NOW - 3600)


def _entry(ago_s: float, message: str, unit: str = "") -> bytes:
    whose = {"UNIT": f"{unit}.service", "_SYSTEMD_UNIT": "init.scope"}
    own = whose if unit else {"_SYSTEMD_UNIT": "keepalived.service"}
    return json.dumps({"MESSAGE": message, "__REALTIME_TIMESTAMP": str(int((NOW - ago_s) * 1e6)), **own}).encode()
