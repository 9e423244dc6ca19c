"""Cluster states made by feeding events through the reducer, as a session would."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from iamops.model.events import (
    AddressesListed,
    ClientProbed,
    DatastoreProbed,
    Event,
    FilesExamined,
    HostReported,
    HttpProbed,
    KeepalivedAsked,
    LinkChanged,
    PortProbed,
    RequestsCounted,
    SafetyReported,
    Target,
    UnitReported,
    VrrpReported,
)
from iamops.model.facts import (
    HostReport,
    Link,
    LinkState,
    ProbeOutcome,
    ProbeReport,
    RequestCount,
    SafetyReport,
    UnitReport,
    VrrpReport,
    VrrpState,
)
from iamops.model.profile import Profile
from iamops.model.reduce import reduce
from iamops.model.running import FilesReport, LiveVrrp, Upstream, UpstreamServer
from iamops.model.state import ClusterState
from iamops.plan.addresses import backend_names
from iamops.render.nodefiles import ALIVE_HOST
from tests.support.profiles import pair

NOW = 1_700_000_000.0
VIP = "10.0.4.99"
OK = ProbeReport(ProbeOutcome.OK, 1.2, 200, answered_by="iam-a")


def fed(state: ClusterState, events: Iterable[Event]) -> ClusterState:
    for event in events:
        state = reduce(state, event)
    return state


def healthy(at: float = NOW, profile: Profile | None = None) -> ClusterState:
    """Everything seen and fine: iam-a MASTER with the VIP, iam-b BACKUP."""
    profile = profile or pair()
    state = ClusterState.of(profile)
    for index, node in enumerate(profile.nodes.values()):
        state = fed(state, seen_on(profile, node.name, at, owner=index == 0))
    return fed(state, [ClientProbed(at, name, OK) for name in profile.vrrp])


def files(profile: Profile, nginx: str) -> FilesReport:
    """Rendered files, loaded as they are: nginx gives a backend up for two seconds, in all of its workers."""
    upstreams = {
        service.domain: Upstream(
            tuple(
                UpstreamServer(backend_names(profile, service, nginx, each)[0], fail_timeout_s=2.0)
                for each in profile.backends_of(service)
            ),
            shared=True,
        )
        for service in profile.services.values()
        if service.domain
    }
    daemons = frozenset({profile.nginx.unit, profile.keepalived.unit})
    return FilesReport(upstreams, answers_itself=(ALIVE_HOST,), current=daemons, live=live(profile, nginx))


def live(profile: Profile, node: str, **changes: Any) -> dict[str, LiveVrrp]:
    """What keepalived on the node tells: that it runs with what the profile says, but for the changes."""
    return {
        name: replace(LiveVrrp.of_profile(vrrp, profile.nodes[node]), **({"assumed": False} | changes))
        for name, vrrp in profile.vrrp.items()
    }


def tells(profile: Profile, node: str, **changes: Any) -> FilesExamined:
    """keepalived on the node tells this of what it runs with."""
    return FilesExamined(NOW, node, replace(files(profile, node), live=live(profile, node, **changes)))


def silent(profile: Profile, node: str) -> FilesExamined:
    """keepalived on the node does not tell what it runs with."""
    return FilesExamined(NOW, node, replace(files(profile, node), live={}))


def seen_on(profile: Profile, name: str, at: float, *, owner: bool = False) -> Iterable[Event]:
    """All that is seen on and from a node that is well."""
    node = profile.nodes[name]
    held = {node.address, *([VIP] if owner else [])}
    yield LinkChanged(at, name, Link(LinkState.UP, at))
    yield AddressesListed(at, name, frozenset(held))
    state = VrrpState.MASTER if owner else VrrpState.BACKUP
    for instance in profile.vrrp:
        report = VrrpReport(state, "json", node.priority, node.priority, at - 3600)
        yield VrrpReported(at, name, instance, report)
    yield KeepalivedAsked(at, name, "")
    for unit in profile.actionable_units_on(name):
        yield UnitReported(at, name, unit, UnitReport("active", "running", 0, 400))
    yield HostReported(at, name, HostReport(0.2, 31.0, 40.0, 0.4, 0.8))
    yield SafetyReported(at, name, SafetyReport())
    yield FilesExamined(at, name, files(profile, name))
    yield RequestsCounted(at - 20, name, RequestCount(1000, {"2xx": 990, "5xx": 10}))
    yield RequestsCounted(at, name, RequestCount(1100, {"2xx": 1088, "5xx": 12}))
    for service in profile.services.values():
        yield HttpProbed(at, name, name, Target.SERVICE, service.name, OK)
        if service.domain:
            yield HttpProbed(at, name, name, Target.DOMAIN, service.domain, OK)
        for peer in profile.peers_of(name):
            yield HttpProbed(at, name, peer.name, Target.SERVICE, service.name, OK)
    for store in profile.datastores:
        yield DatastoreProbed(at, name, store, OK)
    for port in profile.needed_ports_on(name):
        yield PortProbed(at, name, port, OK)
