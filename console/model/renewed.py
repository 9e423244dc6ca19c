"""Since when a service's answers are those of now: it or its node was begun anew, or answers well again. Pure.

What another node, or nginx, got from it before that says nothing of it any more: looks of different times are not
compared.
"""

from __future__ import annotations

from dataclasses import replace

from console.model.events import HttpProbed, LinkChanged, NodeEvent, Target, UnitReported
from console.model.facts import LinkState, ProbeReport
from console.model.observed import Known, is_pending
from console.model.profile import Profile
from console.model.state import NodeState


def with_renewed(before: NodeState, after: NodeState, event: NodeEvent, profile: Profile) -> NodeState:
    """The node after an event, with what of its services is to be asked anew by everybody else."""
    names: tuple[str, ...] = ()
    match event:
        case LinkChanged() if _back_again(before, event):
            names = tuple(after.services)
        case UnitReported() if _begun_anew(before, after, event.unit):
            names = tuple(s.name for s in profile.services.values() if s.unit == event.unit)
        case HttpProbed(target=Target.SERVICE) if event.observer == event.node and _well_again(before, event):
            names = (event.name,)
    found = {name: event.at for name in names if name in after.services}
    return replace(after, renewed={**after.renewed, **found}) if found else after


def _back_again(before: NodeState, event: LinkChanged) -> bool:
    """What it said before it was lost, and what others got from it meanwhile, were of another time."""
    known = any(isinstance(seen, Known) for seen in before.services.values())
    return known and event.link.state is LinkState.UP and before.link.state is not LinkState.UP


def _begun_anew(before: NodeState, after: NodeState, unit: str) -> bool:
    was, now = before.units.get(unit), after.units.get(unit)
    if not isinstance(was, Known) or not isinstance(now, Known) or not now.value.running:
        return False
    return not was.value.running or was.value.main_pid != now.value.main_pid


def _well_again(before: NodeState, event: HttpProbed) -> bool:
    """The first answer of all tells of no change."""
    was = before.services.get(event.name)
    if was is None or not isinstance(event.report, ProbeReport) or not event.report.ok:
        return False
    return not is_pending(was) and not (isinstance(was, Known) and was.value.ok)
