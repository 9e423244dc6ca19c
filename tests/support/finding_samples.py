"""Views that make every rule speak, for tests about all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from iamops.judge.findings import Finding
from iamops.judge.rules.base import RuleInput
from iamops.judge.triage.diagnose import RULES
from iamops.model.config import DaemonCheck
from iamops.model.events import (
    AddressChanged,
    AddressesListed,
    ClientProbed,
    ConfigCompared,
    DatastoreProbed,
    Event,
    HostReported,
    HttpProbed,
    KeepalivedAsked,
    LinkChanged,
    PartReported,
    Source,
    SourceLost,
    Target,
    TlsProbed,
    UnitReported,
    VrrpReported,
)
from iamops.model.facts import (
    Certificate,
    ConfigReport,
    HostReport,
    Link,
    LinkState,
    ProbeOutcome,
    ProbeReport,
    TlsReport,
    UnitReport,
    VrrpReport,
    VrrpState,
)
from iamops.model.inspection import (
    ComplaintKind,
    DaemonComplaint,
    ErrorLogInspection,
    Filesystem,
    JournalEventKind,
    JournalInspection,
    NodeInspection,
)
from iamops.model.observed import Known
from iamops.model.profile import Profile
from tests.support.cluster_states import NOW, OK, VIP, fed, healthy
from tests.support.looks import (
    CONF,
    MACS,
    NGINX_CONF,
    A,
    B,
    journal,
    node_look,
    requests,
    stamp,
    traffic_look,
    view,
)
from tests.support.profiles import pair

K, CHECK = "keepalived", "check_nginx_VI_1"
DOMAIN = "iam.api.marmotedu.com"
REFUSED = ProbeReport(ProbeOutcome.REFUSED, detail="refused")
TIMEOUT = ProbeReport(ProbeOutcome.TIMEOUT, detail="accepts, but no answer within 1.5 s", accepted=True)
HTTP_502 = ProbeReport(ProbeOutcome.BAD_ANSWER, 1.0, 502, "HTTP 502")
DOWN = Link(LinkState.DOWN, NOW + 1, "hung", "nothing heard", "look at its console")


def state(*events: Event, **looks: NodeInspection) -> RuleInput:
    return view(fed(healthy(), events), **looks)


def _domains(node: str, report: ProbeReport) -> Iterator[Event]:
    for domain in (DOMAIN, "iam.authz.marmotedu.com"):
        yield HttpProbed(NOW, node, node, Target.DOMAIN, domain, report)


def _peers(node: str, peer: str, report: ProbeReport, at: float = NOW) -> Iterator[Event]:
    for service in ("iam-apiserver", "iam-authz-server", "iam-pump"):
        yield HttpProbed(at, node, peer, Target.SERVICE, service, report)


def _states() -> Iterator[RuleInput]:
    failing = PartReported(NOW, f"reading the dump of {A}", A, "a fault of iamops: TypeError")
    yield state(failing, failing, PartReported(NOW, "the client's probe", None, "nothing came of it", still=True))
    moved = AddressChanged(NOW + 0.2, B, VIP, present=True)
    master = VrrpReport(VrrpState.MASTER, "json", last_transition=NOW)
    heard = UnitReported(NOW + 1, A, "nginx", UnitReport("active"))
    yield state(moved, VrrpReported(NOW + 0.2, B, "VI_1", master), heard)
    yield state(AddressChanged(NOW, A, VIP, present=False), *_fault(A), *_fault(B))
    yield state(AddressesListed(NOW, A, frozenset({"10.0.4.20"})))
    yield state(UnitReported(NOW, A, K, UnitReport("inactive", "dead")), *_fault(A))
    yield state(ClientProbed(NOW + 1, "VI_1", TIMEOUT))
    yield state(*_domains(B, TIMEOUT))
    yield state(*_domains(A, TIMEOUT))
    yield state(*_domains(B, HTTP_502))
    yield state(HttpProbed(NOW, B, B, Target.SERVICE, "iam-apiserver", TIMEOUT))
    yield state(HttpProbed(NOW, B, A, Target.SERVICE, "iam-apiserver", REFUSED))
    yield state(HttpProbed(NOW, B, A, Target.SERVICE, "iam-apiserver", TIMEOUT))
    yield state(*_peers(B, A, TIMEOUT))
    yield state(UnitReported(NOW, B, "iam-pump", UnitReport("failed", "failed")))
    for outcome in (
        ProbeOutcome.REFUSED,
        ProbeOutcome.HOST_NOT_ALLOWED,
        ProbeOutcome.TOO_MANY_CONNECTIONS,
        ProbeOutcome.WRITE_ERRORS,
    ):
        stores = ("mariadb", "redis", "mongodb")
        yield state(*(DatastoreProbed(NOW, B, store, ProbeReport(outcome, detail="said")) for store in stores))
    yield state(LinkChanged(NOW + 1, B, DOWN), *_peers(B, A, TIMEOUT, NOW + 1.5))
    yield state(LinkChanged(NOW + 1, B, DOWN), *_peers(B, A, OK, NOW + 1.5))
    yield state(HostReported(NOW, B, HostReport(0.1, 20.0, 95.0, 900.0, 1.0)))
    yield state(
        HostReported(NOW, A, HostReport(0.1, 20.0, 30.0, -800.0, 1.0)),
        HostReported(NOW, B, HostReport(0.1, 20.0, 30.0, 900.0, 1.0)),
    )
    yield state(KeepalivedAsked(NOW, B, "its process 46 is in state T (stopped)"))
    yield state(ConfigCompared(NOW, B, ConfigReport((CONF,))))
    yield state(SourceLost(NOW, B, Source.JOURNAL, "journalctl said more than 2000 lines within 5 s", flood=True))
    quick, slow = (Link(LinkState.UP, NOW, login_s=took_s) for took_s in (0.3, 5.2))
    yield state(LinkChanged(NOW, A, quick), LinkChanged(NOW, B, slow))
    refused = [SourceLost(NOW, B, each, "the login shell ran nothing") for each in Source]
    yield state(
        LinkChanged(NOW - 3, B, Link(LinkState.UP, NOW - 3)), *refused, b=NodeInspection.blind(B, "not read")
    )


def _looks() -> Iterator[RuleInput]:
    for said in (
        (9.0, K, JournalEventKind.SCRIPT_UNRUNNABLE, CHECK, "now returning 127"),
        (9.0, K, JournalEventKind.SCRIPT_TIMED_OUT, CHECK, "timed_out"),
        (9.0, K, JournalEventKind.SCRIPT_REFUSED, "/etc/keepalived/check.sh", "Unsafe permissions"),
        (9.0, K, JournalEventKind.FOREIGN_ADVERT, "VI_1", "received an invalid passwd!"),
        (9.0, K, JournalEventKind.CRASHED, K, "Main process exited"),
        (9.0, "iam-pump", JournalEventKind.CRASHED, "iam-pump", "Main process exited"),
    ):
        yield view(b=node_look(B, journal=journal(said)))
    moves = [
        (ago, K, JournalEventKind.ENTERED, "VI_1", "(VI_1) Entering MASTER STATE")
        for ago in (500.0, 400.0, 300.0, 200.0)
    ]
    yield view(a=node_look(A, journal=journal(*moves[::2])), b=node_look(B, journal=journal(*moves[1::2])))
    entered = ("(VI_1) Entering MASTER STATE", "(VI_1) Entering BACKUP STATE")
    back = [(300.0 - 10 * n, K, JournalEventKind.ENTERED, "VI_1", entered[n % 2]) for n in range(9)]
    yield view(a=node_look(A, journal=journal(*back)))
    yield view(a=node_look(A, journal=journal(*back[:3])))
    stopped = UnitReported(NOW, B, "nginx", UnitReport("inactive", "dead"))
    said = journal((60.0, "nginx", JournalEventKind.STOPPED, "nginx", "Stopped nginx.service"))
    yield view(fed(healthy(), [stopped]), b=node_look(B, journal=said))
    yield view(b=node_look(B, files={NGINX_CONF: stamp(NGINX_CONF), CONF: stamp(CONF, NOW - 10)}))
    yield view(
        b=node_look(
            B, nginx_errors=ErrorLogInspection((NOW - 9,), (NOW - 9,), "worker_connections are not enough", 1)
        )
    )
    yield view(b=node_look(B, filesystems=(Filesystem("/", 30.0, 96.0), Filesystem("/var/log", 94.0, 1.0))))
    invalid = DaemonCheck(B, "nginx", 1, 'nginx: [emerg] unexpected "}" in /etc/nginx/nginx.conf:3')
    yield view(b=node_look(B, checks=(invalid,)))
    yield view(a=node_look(A, macs={"eth0": MACS[B]}))
    yield view(neighbours=Known({VIP: MACS[B]}, NOW))


def complaint(kind: ComplaintKind, about: str = "", unit: str = K, ago_s: float = 5.0) -> DaemonComplaint:
    return DaemonComplaint(kind, unit, about, (NOW - ago_s,), f"{kind} {about}", "what it means")


def _complaints() -> Iterator[RuleInput]:
    for said in (
        complaint(ComplaintKind.STARVED),
        complaint(ComplaintKind.CANNOT_SEND, "VI_1"),
        complaint(ComplaintKind.LINK_LOST, "eth0"),
        complaint(ComplaintKind.OUT_OF_MEMORY, unit="iam-pump"),
        complaint(ComplaintKind.HIGHER_PRIORITY, "10.0.4.66"),
    ):
        yield view(b=node_look(B, journal=JournalInspection((), NOW - 3600, (said,))))
    yield view(b=node_look(B, services=(complaint(ComplaintKind.MARIADB_REFUSES, unit="iam-apiserver"),)))
    for said in (
        complaint(ComplaintKind.WORKER_DIED, "9", "nginx"),
        complaint(ComplaintKind.OPEN_FILES, unit="nginx"),
    ):
        yield view(b=node_look(B, nginx_errors=ErrorLogInspection(complaints=(said,))))


def _certificates() -> Iterator[RuleInput]:
    """One node, its apiserver with two more ports: each certificate has something else wrong."""
    raw = pair().model_dump(mode="json")
    raw["services"]["iam-apiserver"]["tls_ports"] = [8443, 8081]
    profile = Profile.model_validate(raw)
    good = Certificate("CN=iam", "CN=ca", NOW - 100, NOW + 90 * 86400, (DOMAIN,))
    shown = ProbeReport(ProbeOutcome.OK, 1.0)
    for report in (
        TlsReport(shown, replace(good, not_after=NOW - 100)),
        TlsReport(shown, replace(good, not_after=NOW + 5 * 86400)),
        TlsReport(shown, replace(good, not_before=NOW + 100)),
        TlsReport(shown, replace(good, names=("old.example.invalid",))),
        TlsReport(shown, good, untrusted="self-signed certificate"),
        TlsReport(shown, good, unasked="the profile names no CA"),
        TlsReport(REFUSED),
    ):
        yield RuleInput(fed(healthy(profile=profile), [TlsProbed(NOW, B, 8081, report)]))

    said = complaint(ComplaintKind.NO_LIVE_UPSTREAMS, unit="nginx")
    look = node_look(B, nginx_errors=ErrorLogInspection(complaints=(said,)))
    yield view(fed(healthy(), _domains(B, HTTP_502)), b=look)


def _traffic() -> Iterator[RuleInput]:
    failing = {int(NOW) - 20: requests(10, 10, at_10_0_4_21__8080=(10, 10))}
    yield view(traffic={A: traffic_look(failing), B: traffic_look()})
    said = journal((200.0, K, JournalEventKind.ENTERED, "VI_1", "(VI_1) Entering MASTER STATE"))
    step = {int(NOW) - 300: requests(100), int(NOW) - 100: requests(80, 20)}
    yield view(a=node_look(A, journal=said), traffic={A: traffic_look(step), B: traffic_look()})
    uneven = {int(NOW) - 60: requests(100, at_127_0_0_1__8080=(95, 0), at_10_0_4_21__8080=(5, 0))}
    yield view(traffic={A: traffic_look(uneven), B: traffic_look()})


def _fault(node: str) -> Iterator[Event]:
    yield VrrpReported(NOW, node, "VI_1", VrrpReport(VrrpState.FAULT, "json"))


@cache
def views() -> tuple[RuleInput, ...]:
    return (*_states(), *_looks(), *_complaints(), *_certificates(), *_traffic())


@cache
def every() -> tuple[Finding, ...]:
    """Every different (code, next) that they bring out."""
    found: dict[tuple[str, str], Finding] = {}
    for at in views():
        for rule in RULES:
            for answer in rule.ask(at, NOW + 2):
                if isinstance(answer, Finding):
                    found.setdefault((answer.code, answer.next), answer)
    return tuple(found.values())
