"""The reducer: (state, event) -> state, and the notices of what changed. Pure, total; only here state changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from iamops.model import events
from iamops.model.events import (
    Event,
    LinkChanged,
    NodeEvent,
    Source,
    Target,
    UnitReported,
)
from iamops.model.facts import (
    Link,
    LinkState,
    ProbeReport,
    RequestCount,
    Severity,
    UnitReport,
    VrrpReport,
    VrrpState,
)
from iamops.model.observed import Freshness, Known, Observed, Unknown
from iamops.model.split_brain import with_contests_decided, with_new_contests, with_vip_events
from iamops.model.state import ADDRESSES_MOST, ClusterState, Flooded, NodeState, Notice, PartFailure
from iamops.model.text import being
from iamops.model.vip import with_renewed

SAMPLES_KEPT = 600
TOO_MANY = f"it names more than {ADDRESSES_MOST} addresses: none is kept"
# What is observed -> who observes it -> what that saw.
Views = Mapping[str, Mapping[str, Observed[ProbeReport]]]
K = TypeVar("K")
V = TypeVar("V")
Probed = events.HttpProbed | events.DatastoreProbed | events.PortProbed | events.TlsProbed | events.ClientProbed


def reduce(state: ClusterState, event: Event) -> ClusterState:
    """The state after `event`. Events about nodes or names the profile does not have change nothing."""
    match event:
        case events.Noticed():
            after = state.with_notice(Notice(event.at, event.node, event.severity, event.text))
        case events.Recalled():
            lines = (Notice(line.at, line.node, line.severity, line.text, line.source) for line in event.lines)
            after = state.with_recalled(tuple(lines))
        case events.ClientProbed():
            after = replace(state, client=_probed(state.client, event.instance, event.report, event))
        case events.PartReported():
            after = _part(state, event)
        case events.DatastoreProbed():
            after = state if isinstance(event.report, Unknown) else _seen_alive(state, event.node, event.at)
            if event.datastore in state.datastores:
                views = _probed(state.datastores[event.datastore], event.node, event.report, event)
                after = replace(after, datastores={**state.datastores, event.datastore: views})
        case events.SourceLost() if event.source in (Source.PEERS, Source.STORES):
            after = _others_lost(state, event)
        case _:
            after = _node_event(state, event)
    return with_contests_decided(after, event.at) if after.contests else after


def _node_event(state: ClusterState, event: NodeEvent) -> ClusterState:
    node = state.nodes.get(event.node)
    if node is None:
        return state
    changed = with_renewed(node, _node(node, event), event, state.profile)
    after = replace(state, nodes={**state.nodes, event.node: changed})
    # What was not answered says nothing of its node; nor does what the session itself reports of a link.
    if isinstance(event, (events.HttpProbed, events.PortProbed, events.TlsProbed)):
        answered = not isinstance(event.report, Unknown)
    elif isinstance(event, events.FilesExamined):
        answered = event.report is not None
    else:
        answered = not isinstance(event, (events.LinkChanged, events.SourceLost))
    # Of a probe that is the observer, not the one observed.
    speaker = event.observer if isinstance(event, events.HttpProbed) else event.node
    if answered:
        after = _seen_alive(after, speaker, event.at)
    after = _announce(state, after, event)
    back = state.nodes[speaker].freshness(event.at) is not Freshness.LIVE if speaker in state.nodes else False
    return with_new_contests(after, event.at) if back else after


def _node(node: NodeState, event: NodeEvent) -> NodeState:
    match event:
        case events.LinkChanged():
            return replace(node, link=event.link)
        case events.AddressesListed() | events.AddressChanged():
            return _addresses(node, event)
        case events.VrrpReported():
            return replace(node, vrrp=_known(node.vrrp, event.instance, Known(event.report, event.at)))
        case events.VrrpTransition():
            return _transition(node, event)
        case events.KeepalivedAsked():
            return replace(node, keepalived_silence=Known(event.silence, event.at))
        case events.UnitReported():
            return replace(node, units=_known(node.units, event.unit, Known(event.report, event.at)))
        case events.HttpProbed():
            return _http(node, event)
        case events.PortProbed():
            return replace(node, ports=_probed(node.ports, event.port, event.report, event))
        case events.TlsProbed():
            return replace(node, certificates=_probed(node.certificates, event.port, event.report, event))
        case events.RequestsCounted():
            return _requests(node, event.at, event.count)
        case events.HostReported():
            return replace(node, host=Known(event.report, event.at))
        case events.ConfigCompared():
            report = event.report
            return replace(node, config=Known(report, event.at) if report else node.config.lost(event.reason))
        case events.FilesExamined():
            files = event.report
            return replace(node, files=Known(files, event.at) if files else node.files.lost(event.reason))
        case events.SafetyReported():
            return replace(node, safety=Known(event.report, event.at))
        case events.SourceLost() if event.flood:
            floods = {**node.floods, str(event.source): Flooded(event.at, event.reason)}
            return replace(_lost(node, event), floods=floods)
        case events.SourceLost():
            return _lost(node, event)
        case events.DatastoreProbed() | events.NodeHeard():
            return node


def _addresses(node: NodeState, event: events.AddressesListed | events.AddressChanged) -> NodeState:
    before = node.addresses
    known = before.value if isinstance(before, Known) else {}
    listed_at = node.listed_at
    if isinstance(event, events.AddressesListed):
        held = {address: known.get(address, event.at) for address in event.addresses}
        listed_at = node.listed_at if isinstance(before, Known) else event.at
    elif isinstance(before, Unknown):
        # A change to a list that nobody has seen makes no list: what else is on it stays unknown.
        return node
    elif event.present:
        held = {**known, event.address: known.get(event.address, event.at)}
    else:
        held = {address: at for address, at in known.items() if address != event.address}
    if len(held) > ADDRESSES_MOST:
        floods = {**node.floods, str(Source.ADDRESSES): Flooded(event.at, TOO_MANY)}
        return replace(node, addresses=before.lost(TOO_MANY), floods=floods)
    return replace(node, addresses=Known(held, event.at), listed_at=listed_at)


def _transition(node: NodeState, event: events.VrrpTransition) -> NodeState:
    """A logged transition is newer than any dump, but says nothing about priorities: keep those."""
    before = node.vrrp.get(event.instance)
    if before is None:
        return node
    if event.history and isinstance(before, Known) and before.value.source != "journal":
        kept = replace(before, value=replace(before.value, no_dump=event.no_dump))
        return replace(node, vrrp={**node.vrrp, event.instance: kept})
    base = before.value if isinstance(before, Known) else VrrpReport(event.state, "journal")
    moved = event.node_at if event.node_at is not None else event.at
    # A live journal line says nothing of dumps.
    why = event.no_dump if event.history else base.no_dump
    report = replace(base, state=event.state, source="journal", last_transition=moved, no_dump=why)
    return replace(node, vrrp={**node.vrrp, event.instance: Known(report, event.at)})


def _http(node: NodeState, event: events.HttpProbed) -> NodeState:
    if event.target is Target.DOMAIN:
        return replace(node, domains=_probed(node.domains, event.name, event.report, event))
    if event.observer == node.name:
        return replace(node, services=_probed(node.services, event.name, event.report, event))
    peers = node.from_peers.get(event.name)
    if peers is None:
        return node
    watched = _probed(peers, event.observer, event.report, event)
    return replace(node, from_peers={**node.from_peers, event.name: watched})


def _requests(node: NodeState, at: float, count: RequestCount) -> NodeState:
    """A total that shrank was begun anew, with a newer log file: rates start over from it."""
    kept = isinstance(node.requests, Unknown) or count.total >= node.requests.value.total
    return replace(
        node,
        requests=Known(count, at),
        samples=(*(node.samples[1 - SAMPLES_KEPT :] if kept else ()), (at, count.total)),
        errors=(*(node.errors[1 - SAMPLES_KEPT :] if kept else ()), (at, count.by_class.get("5xx", 0))),
    )


def _lost(node: NodeState, event: events.SourceLost) -> NodeState:
    match event.source:
        case Source.ADDRESSES:
            return replace(node, addresses=node.addresses.lost(event.reason))
        case Source.JOURNAL:
            return node  # the dump goes on reporting what the journal would have reported sooner
        case Source.VRRP:
            return replace(node, vrrp=_all_lost(node.vrrp, event.reason))
        case Source.UNITS:
            return replace(node, units=_all_lost(node.units, event.reason))
        case Source.REQUESTS:
            return replace(node, requests=node.requests.lost(event.reason), samples=(), errors=())
        case Source.HOST:
            return replace(node, host=node.host.lost(event.reason))
        case Source.SAFETY:
            return replace(node, safety=node.safety.lost(event.reason))
        case Source.CERTIFICATES:
            return replace(node, certificates=_all_lost(node.certificates, event.reason))
        case Source.HEALTH:
            domains, services = (_all_lost(views, event.reason) for views in (node.domains, node.services))
            return replace(node, domains=domains, services=services)
        case Source.PEERS | Source.STORES:
            return node


def _others_lost(state: ClusterState, event: events.SourceLost) -> ClusterState:
    """What one node sees of the others; or of the datastores, and of its own ports that its services need."""
    observer = state.nodes.get(event.node)
    if observer is None:
        return state
    if event.source is Source.STORES:
        nodes = {**state.nodes, event.node: replace(observer, ports=_all_lost(observer.ports, event.reason))}
        return replace(state, nodes=nodes, datastores=_views_lost(state.datastores, event))
    views = {name: _views_lost(node.from_peers, event) for name, node in state.nodes.items()}
    return replace(state, nodes={n: replace(node, from_peers=views[n]) for n, node in state.nodes.items()})


def _views_lost(views: Views, event: events.SourceLost) -> Views:
    """One observer's part of each."""
    return {
        name: {who: seen.lost(event.reason) if who == event.node else seen for who, seen in by.items()}
        for name, by in views.items()
    }


def _part(state: ClusterState, event: events.PartReported) -> ClusterState:
    before = state.faults.get(event.part)
    if not event.reason:
        return replace(state, faults={part: fault for part, fault in state.faults.items() if part != event.part})
    since, count = (event.at, 1) if before is None else (before.since, before.count + 1)
    fault = PartFailure(event.part, event.node, since, event.at, event.reason, count, event.still)
    after = replace(state, faults={**state.faults, event.part: fault})
    if before is not None and before.still is event.still:
        return after
    word = "stands still" if event.still else "failed and is begun again"
    text = f"iamops: {event.part} {word}: {event.reason}"
    return after.with_notice(Notice(event.at, event.node, Severity.WARNING, text))


def _seen_alive(state: ClusterState, speaker: str, at: float) -> ClusterState:
    """Marks the node that spoke."""
    node = state.nodes.get(speaker)
    if node is None or (node.last_event_at is not None and node.last_event_at >= at):
        return state
    return replace(state, nodes={**state.nodes, speaker: replace(node, last_event_at=at)})


def _announce(before: ClusterState, after: ClusterState, event: NodeEvent) -> ClusterState:
    """With what the change means for a person: notices, and who holds the VIPs."""
    notice = None
    match event:
        case events.AddressChanged() | events.AddressesListed():
            return with_vip_events(before, after, event)
        case events.LinkChanged():
            notice = link_changed(before.nodes[event.node].link, event)
        case events.VrrpTransition() if not event.history:
            severity = Severity.WARNING if event.state in (VrrpState.FAULT, VrrpState.STOP) else Severity.INFO
            text = f"{event.node}: {event.instance} entered {event.state}"
            notice = Notice(event.at, event.node, severity, text)
        case events.UnitReported():
            notice = unit_changed(before.nodes[event.node].units.get(event.unit, Unknown()), event)
    return after if notice is None else after.with_notice(notice)


def _known(mapping: Mapping[K, V], key: K, value: V) -> Mapping[K, V]:
    """Puts a value only where the profile promised its key."""
    return {**mapping, key: value} if key in mapping else mapping


def _probed(
    mapping: Mapping[K, Observed[V]], key: K, report: V | Unknown, event: Probed
) -> Mapping[K, Observed[V]]:
    """With what a probe found at a key that the profile promised, or with why it found nothing."""
    if key not in mapping:
        return mapping
    if isinstance(report, Unknown):
        return {**mapping, key: mapping[key].lost(report.reason)}
    return {**mapping, key: Known(report, event.at, event.every_s)}


def _all_lost(mapping: Mapping[K, Observed[V]], reason: str) -> Mapping[K, Observed[V]]:
    return {key: value.lost(reason) for key, value in mapping.items()}


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


def unit_changed(was: Observed[UnitReport], event: UnitReported) -> Notice | None:
    now = event.report.active
    if isinstance(was, Unknown) or now in (was.value.active, *PASSING):
        return None
    if (now, was.value.active) == ("active", "reloading"):
        return None
    severity = Severity.INFO if event.report.running else Severity.WARNING
    return Notice(event.at, event.node, severity, f"{event.node}: {event.unit} {being(now)}")
