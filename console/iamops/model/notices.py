"""Lines of the event list: what a change of one value means for a person, in words. Pure."""

from __future__ import annotations

from iamops.model.events import LinkChanged, PartReported, UnitReported, VrrpTransition
from iamops.model.facts import Link, LinkState, Severity, UnitReport, VrrpState
from iamops.model.observed import Observed, Unknown
from iamops.model.state import Notice
from iamops.model.text import being

# States of a unit on its way to another: worth showing, not worth a line of their own.
PASSING = frozenset({"activating", "deactivating", "reloading"})


def link_changed(was: Link, event: LinkChanged) -> Notice | None:
    link = event.link
    if was.state is link.state and was.kind == link.kind:
        return None
    if link.state is LinkState.UP:
        return Notice(event.at, event.node, Severity.INFO, f"{event.node}: connected")
    if link.state is LinkState.DOWN and was.state is not LinkState.CONNECTING:
        return Notice(event.at, event.node, Severity.WARNING, f"{event.node}: {link.reason or 'link lost'}")
    return None


def vrrp_entered(event: VrrpTransition) -> Notice:
    severity = Severity.WARNING if event.state in (VrrpState.FAULT, VrrpState.STOP) else Severity.INFO
    return Notice(event.at, event.node, severity, f"{event.node}: {event.instance} entered {event.state}")


def unit_changed(was: Observed[UnitReport], event: UnitReported) -> Notice | None:
    now = event.report.active
    if isinstance(was, Unknown) or now in (was.value.active, *PASSING):
        return None
    if (now, was.value.active) == ("active", "reloading"):
        return None
    severity = Severity.INFO if event.report.running else Severity.WARNING
    return Notice(event.at, event.node, severity, f"{event.node}: {event.unit} {being(now)}")


def part_failed(event: PartReported) -> Notice:
    word = "stands still" if event.still else "failed and is begun again"
    return Notice(event.at, event.node, Severity.WARNING, f"iamops: {event.part} {word}: {event.reason}")
