"""Sample clusters for the screen's tests: states built by feeding events through the reducer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from iamops.judge.findings import Diagnosis, Evidence, Finding
from iamops.model.events import (
    AddressChanged,
    AddressesListed,
    ClientProbed,
    DatastoreProbed,
    Event,
    FilesExamined,
    HostReported,
    HttpProbed,
    LinkChanged,
    Noticed,
    RequestsCounted,
    SafetyReported,
    Target,
    UnitReported,
    VrrpReported,
    VrrpTransition,
)
from iamops.model.facts import (
    HostReport,
    Link,
    LinkState,
    ProbeOutcome,
    ProbeReport,
    RequestCount,
    SafetyReport,
    Severity,
    UnitReport,
    VrrpReport,
    VrrpState,
)
from iamops.model.profile import Profile
from iamops.model.reduce import reduce
from iamops.model.running import FilesReport
from iamops.model.state import ClusterState
from iamops.session.store import Store
from tests.support.cluster_states import live
from tests.support.feeds import FixedFeed
from tests.support.taps import FixedTap

NOW = 1_760_000_000.0
VIP = "10.0.4.99"
A, B = "iam-a", "iam-b"
DOMAINS = ("iam.api.marmotedu.com", "iam.authz.marmotedu.com")
SERVICES = ("iam-apiserver", "iam-authz-server", "iam-pump")


def profile(environment: str = "lab", nodes: int = 2) -> Profile:
    """The seed's deployment, or one like it with more nodes."""
    names = [A, B] if nodes == 2 else [f"iam-{n:02d}" for n in range(1, nodes + 1)]
    return Profile.model_validate(
        {
            "name": "lab" if environment == "lab" else "iam-ha",
            "environment": environment,
            "nodes": {
                name: {"address": f"10.0.4.{20 + n}", "priority": max(1, 100 - 50 * n)}
                for n, name in enumerate(names)
            },
            "vrrp": {"VI_1": {"virtual_router_id": 50, "vip": f"{VIP}/24"}},
            "services": {
                "iam-apiserver": {"port": 8080, "domain": DOMAINS[0]},
                "iam-authz-server": {"port": 9090, "domain": DOMAINS[1]},
                "iam-pump": {"port": 7070},
            },
            "datastores": {store: {"node": names[0]} for store in ("mariadb", "redis", "mongodb")},
        }
    )


TOLD = live(profile(), A)["VI_1"]


class FixedCluster:
    """A session that never observes anything by itself. Its clock stands where a test puts it."""

    def __init__(self, state: ClusterState, now: float = NOW, findings: tuple[Finding, ...] = ()) -> None:
        self.store = Store(state)
        self.time = now
        self.found = findings
        self.calls: list[str] = []
        self.deep: Diagnosis | Exception | None = None
        self.tap = FixedTap()
        self.feed = FixedFeed()

    def now(self) -> float:
        return self.time

    def findings(self, state: ClusterState, now: float) -> tuple[Finding, ...]:
        return self.found

    async def examine(self) -> Diagnosis:
        """`deep` can be put there by a test: a diagnosis, or what goes wrong."""
        self.calls.append("examine")
        if isinstance(self.deep, Exception):
            raise self.deep
        return self.deep or Diagnosis(self.found)

    async def start(self) -> None:
        self.calls.append("start")

    async def stop(self) -> None:
        self.calls.append("stop")

    def refresh(self) -> None:
        self.calls.append("refresh")

    async def refresh_files(self) -> None:
        state = self.store.state
        for node in state.nodes:
            told = FilesReport(live=live(state.profile, node))
            self.store.apply(FilesExamined(self.now(), node, told))

    def traffic(self) -> FixedFeed:
        """`feed` can be put there by a test."""
        return self.feed

    def log_tap(self) -> FixedTap:
        """`tap` can be put there by a test."""
        return self.tap


def fed(state: ClusterState, events: Iterable[Event]) -> ClusterState:
    for event in events:
        state = reduce(state, event)
    return state


def ok(latency_ms: float = 1.1, answered_by: str | None = None) -> ProbeReport:
    return ProbeReport(ProbeOutcome.OK, latency_ms, 200, answered_by=answered_by)


def bad(outcome: ProbeOutcome, detail: str = "", status: int | None = None) -> ProbeReport:
    return ProbeReport(outcome, None, status, detail)


def linked(node: str, at: float) -> list[Event]:
    return [LinkChanged(at, node, Link(LinkState.UP, at, "ssh"))]


def daemons(node: str, at: float, *, master: bool, priority: int) -> list[Event]:
    """keepalived's and systemd's side of a node."""
    state = VrrpState.MASTER if master else VrrpState.BACKUP
    report = VrrpReport(state, "json", priority, priority, last_transition=NOW - 11000)
    units = ("keepalived", "nginx", *SERVICES)
    return [
        VrrpReported(at, node, "VI_1", report),
        SafetyReported(at, node, SafetyReport(track_files=("VI_1",))),
        FilesExamined(at, node, FilesReport(live={"VI_1": replace(TOLD, priority=priority)})),
        *(
            UnitReported(at, node, unit, UnitReport("active", "running", 0, 700 + n))
            for n, unit in enumerate(units)
        ),
    ]


def addresses(node: str, own: str, at: float, *, vip: bool) -> list[Event]:
    held = {own, "127.0.0.1"} | ({VIP} if vip else set())
    return [AddressesListed(at, node, frozenset(held))]


def probes(state: ClusterState, node: str, at: float, *, from_peers: bool = True) -> list[Event]:
    """Everything on and from a node answers."""
    events: list[Event] = [HttpProbed(at, node, node, Target.DOMAIN, d, ok(1.2)) for d in DOMAINS]
    events += [HttpProbed(at, node, node, Target.SERVICE, s, ok(0.9)) for s in SERVICES]
    peers = [peer for peer in state.nodes if peer != node][:3] if from_peers else []
    events += [HttpProbed(at, node, peer, Target.SERVICE, s, ok(1.4)) for s in SERVICES for peer in peers]
    events += [DatastoreProbed(at, node, store, ok(0.6)) for store in state.datastores]
    return events


def host(node: str, at: float, load: float = 0.1) -> list[Event]:
    return [HostReported(at, node, HostReport(load, 34.0, 40.0, 0.4, 0.2))]


def traffic(node: str, until: float, *, seconds: int = 300, base: int = 12, failing: int = 0) -> list[Event]:
    """A wave of requests, one count per second; the last `failing` seconds also count 5xx answers."""
    events: list[Event] = []
    total, bad_ones = 4000, 0
    for second in range(seconds):
        total += base + (second * 7) % 9 + (6 if second % 40 < 14 else 0)
        bad_ones += 3 if second >= seconds - failing else 0
        count = RequestCount(total, {"2xx": total - bad_ones, "5xx": bad_ones})
        events.append(RequestsCounted(until - seconds + 1 + second, node, count))
    return events


def healthy(environment: str = "lab", now: float = NOW) -> ClusterState:
    """iam-a owns the VIP for three hours; everything answers."""
    state = ClusterState.of(profile(environment))
    long_ago = now - 11_000
    state = fed(state, [*linked(A, long_ago), *linked(B, long_ago)])
    state = fed(
        state, [*addresses(A, "10.0.4.20", long_ago, vip=True), *addresses(B, "10.0.4.21", long_ago, vip=False)]
    )
    for node, master, priority, base in ((A, True, 100, 14), (B, False, 50, 3)):
        state = fed(state, traffic(node, now - 0.4, base=base))
        state = fed(state, daemons(node, now - 0.4, master=master, priority=priority))
        state = fed(state, [*probes(state, node, now - 0.4), *host(node, now - 0.4)])
    client = ClientProbed(now - 0.4, "VI_1", ok(1.2, answered_by=A))
    return fed(state, [client])


def moved(environment: str = "lab", now: float = NOW) -> ClusterState:
    """The VIP moved to iam-b forty seconds ago; iam-a's keepalived is stopped."""
    state = healthy(environment, now - 41)
    at = now - 40
    state = fed(
        state,
        [
            VrrpTransition(at - 0.81, A, "VI_1", VrrpState.STOP),
            AddressChanged(at - 0.8, A, VIP, present=False),
            UnitReported(at - 0.7, A, "keepalived", UnitReport("inactive", "dead")),
            VrrpTransition(at, B, "VI_1", VrrpState.MASTER),
            AddressChanged(at, B, VIP, present=True),
        ],
    )
    state = fed(state, traffic(B, now - 0.4, base=20))
    for node in (A, B):
        state = fed(state, [*probes(state, node, now - 0.4), *host(node, now - 0.4)])
    return fed(state, [ClientProbed(now - 0.4, "VI_1", ok(1.4, answered_by=B))])


def split_brain(environment: str = "lab", now: float = NOW) -> ClusterState:
    """Both kernels hold the VIP since twelve seconds, both daemons say MASTER."""
    state = healthy(environment, now)
    at = now - 12
    return fed(
        state,
        [
            VrrpTransition(at, B, "VI_1", VrrpState.MASTER),
            AddressChanged(at, B, VIP, present=True),
            ClientProbed(now - 0.3, "VI_1", ok(1.3, answered_by=B)),
        ],
    )


def owner_off(now: float = NOW, silent_s: float = 7.0) -> ClusterState:
    """iam-a had the VIP and lost its power `silent_s` ago; iam-b has taken it three and a half seconds later."""
    state = healthy("lab", now - silent_s)
    at = now - silent_s + 3.6
    taken = [VrrpTransition(at, B, "VI_1", VrrpState.MASTER), AddressChanged(at, B, VIP, present=True)]
    later = [*probes(state, B, now - 0.4, from_peers=False), *host(B, now - 0.4)]
    return fed(state, [*taken, *later, ClientProbed(now - 0.4, "VI_1", ok(1.2, answered_by=B))])


def dark(environment: str = "lab", now: float = NOW, silent_s: float = 34.0) -> ClusterState:
    """iam-b has not been heard for a while: stale from 4 s on, unknown from 12 s on."""
    state = healthy(environment, now - silent_s)
    lost = Link(
        LinkState.DOWN,
        now - silent_s + 1,
        "timeout",
        "no answer on 10.0.4.21:22 within 5 s",
        "check the node's console; the VIP owner is not affected",
    )
    state = fed(state, [LinkChanged(now - silent_s + 1, B, lost)])
    state = fed(state, traffic(A, now - 0.4, base=14))
    state = fed(
        state, [*daemons(A, now - 0.4, master=True, priority=100), *probes(state, A, now - 0.4, from_peers=False)]
    )
    state = fed(state, [*addresses(A, "10.0.4.20", now - 0.4, vip=True), *host(A, now - 0.4)])
    return fed(state, [ClientProbed(now - 0.4, "VI_1", ok(1.2, answered_by=A))])


def starting(environment: str = "lab") -> ClusterState:
    """The first frame: nothing is known."""
    return ClusterState.of(profile(environment))


def troubled(environment: str = "production", now: float = NOW) -> ClusterState:
    """A bit of everything: MASTER without address, a refused datastore, a peer that cannot reach a service."""
    state = healthy(environment, now)
    at = now - 0.3
    refused = bad(ProbeOutcome.REFUSED, "connection refused by 10.0.4.20:27017")
    return fed(
        state,
        [
            AddressChanged(now - 3, A, VIP, present=False),
            UnitReported(at, B, "iam-pump", UnitReport("failed", "failed", 3)),
            HttpProbed(at, B, B, Target.SERVICE, "iam-pump", bad(ProbeOutcome.REFUSED, "connection refused")),
            HttpProbed(at, B, A, Target.SERVICE, "iam-pump", bad(ProbeOutcome.REFUSED, "connection refused")),
            HttpProbed(
                at, A, B, Target.SERVICE, "iam-apiserver", bad(ProbeOutcome.REFUSED, "bound to 127.0.0.1?")
            ),
            HttpProbed(at, B, B, Target.DOMAIN, DOMAINS[0], bad(ProbeOutcome.BAD_ANSWER, "Bad Gateway", 502)),
            DatastoreProbed(at, B, "mariadb", bad(ProbeOutcome.HOST_NOT_ALLOWED, "error 1130")),
            DatastoreProbed(at, A, "mongodb", refused),
            DatastoreProbed(at, B, "mongodb", bad(ProbeOutcome.TIMEOUT, "no answer within 1.5 s")),
            HostReported(at, B, HostReport(7.31, 91.0, 97.0, 612.0, 1.0)),
            ClientProbed(at, "VI_1", bad(ProbeOutcome.TIMEOUT, "no answer within 1 s")),
            *traffic(B, at, base=4, failing=30),
        ],
    )


def many(nodes: int = 50, now: float = NOW) -> ClusterState:
    """A large cluster: the first node owns the VIP, every seventh is dark."""
    state = ClusterState.of(profile(nodes=nodes))
    for number, name in enumerate(state.nodes):
        own = state.profile.nodes[name].address
        at = now - 40 if number % 7 == 6 else now - 0.4
        state = fed(state, [*linked(name, at), *addresses(name, own, at, vip=number == 0)])
        state = fed(state, daemons(name, at, master=number == 0, priority=max(1, 100 - 50 * number)))
        state = fed(state, [*probes(state, name, at), *host(name, at, load=number / 10)])
        state = fed(state, traffic(name, at, seconds=60, base=number % 12))
    return fed(state, [ClientProbed(now - 0.4, "VI_1", ok(1.2))])


SPLIT = Finding(
    "split-brain",
    Severity.CRITICAL,
    f"VIP {VIP} is on both nodes",
    (
        Evidence("iam-a holds it since 08:53:20"),
        Evidence("iam-b holds it since 11:56:28"),
        Evidence("adverts of the peer do not arrive"),
    ),
    "iamops triage",
)
NO_GRANT = Finding(
    "datastore-not-allowed",
    Severity.WARNING,
    "MariaDB does not let iam-b in (error 1130)",
    (Evidence("mariadb from iam-b: host not allowed"),),
    "iamops triage --json",
    "iam-b",
)


def with_notice(state: ClusterState, text: str, at: float = NOW) -> ClusterState:
    return fed(state, [Noticed(at, A, Severity.WARNING, text)])
